#include "cli/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/test_folder.h"
#include "cli/machine.h"

namespace corollary {
namespace {

using testing::HasSubstr;

TEST(Doctor, FindsWhatEveryMachineHas) {
  const auto findings = examine_machine();
  std::set<std::string> present;
  for (const Finding& finding : findings) {
    EXPECT_FALSE(finding.group.empty() || finding.name.empty());
    if (finding.is_present) present.insert(finding.name);
    EXPECT_TRUE(finding.is_present || !finding.needed_for.empty()) << finding.name << " is missing: what for?";
  }
  for (const char* name : {"corollary", "kernel", "CPUs", "memory", "working folder"}) EXPECT_TRUE(present.contains(name)) << name;
}

TEST(Doctor, MissingThingsSayWhatForAndHow) {
  const std::string table = findings_to_table(
      {{"tools", "here", true, "/bin/here", "nothing", ""}, {"tools", "gone", false, "", "the moon", "a rocket"}});
  EXPECT_THAT(table, HasSubstr("/bin/here"));
  EXPECT_THAT(table, HasSubstr("no: needed for the moon; get it: a rocket"));
  const Json json = findings_to_json({{"tools", "gone", false, "", "the moon", "a rocket"}});
  EXPECT_EQ(json[0]["present"], false);
  EXPECT_EQ(json[0]["install"], "a rocket");
}

TEST(Machine, ControlGroupsVersion2) {
  const TestFolder root;
  write_file(root / "proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:   12000000 kB\n");
  write_file(root / "proc/self/cgroup", "0::/a/b\n");
  write_file(root / "sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  write_file(root / "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  write_file(root / "sys/fs/cgroup/a/memory.max", "4000000000\n");
  write_file(root / "sys/fs/cgroup/a/memory.current", "1500000000\n");
  write_file(root / "sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 500000000\n");
  write_file(root / "sys/fs/cgroup/a/b/memory.max", "max\n");
  const Limits limits = machine_limits(root.path());
  EXPECT_EQ(limits.memory_bytes, 16'384'000'000);
  ASSERT_TRUE(limits.cpu_quota);
  EXPECT_DOUBLE_EQ(*limits.cpu_quota, 1.5);
  EXPECT_EQ(limits.memory_limit_bytes, 4'000'000'000);
  EXPECT_EQ(limits.available_bytes, 3'000'000'000);
}

TEST(Machine, ControlGroupsVersion1SeenFromInside) {
  const TestFolder root;
  write_file(root / "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n");
  write_file(root / "proc/self/cgroup", "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n");
  write_file(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write_file(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write_file(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write_file(root / "sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
  const Limits limits = machine_limits(root.path());
  ASSERT_TRUE(limits.cpu_quota);
  EXPECT_DOUBLE_EQ(*limits.cpu_quota, 2.0);
  EXPECT_FALSE(limits.memory_limit_bytes) << "the highest number is no limit";
  EXPECT_EQ(limits.available_bytes, 921'600'000);
}

TEST(Machine, NothingToReadIsNoCrash) {
  const TestFolder root;
  const Limits limits = machine_limits(root.path());
  EXPECT_GE(limits.cpus, 1);
  EXPECT_FALSE(limits.cpu_quota);
}

TEST(Machine, FindsPrograms) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
}

}  // namespace
}  // namespace corollary
