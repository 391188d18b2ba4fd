// First in the page: whatever goes wrong later is noted on <html data-errors>, where a test (or a curious reader) finds it.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const note = (text) => { root.dataset.errors = (root.dataset.errors ? root.dataset.errors + "; " : "") + text; };
  addEventListener("error", (event) => note(event.message || "cannot load " + event.target.nodeName), true);
  addEventListener("unhandledrejection", (event) => note("rejected: " + event.reason));
  document.addEventListener("securitypolicyviolation", (event) => note("blocked: " + event.violatedDirective + " " + event.blockedURI));
  const log_error = console.error;
  console.error = (...parts) => { note("console: " + parts.join(" ")); log_error.apply(console, parts); };
})();
