(* The square of a sum, expanded by the ring tactic. *)

Require Import ZArith Ring.
Open Scope Z_scope.

Theorem square_of_sum : forall a b : Z, (a + b) * (a + b) = a * a + 2 * a * b + b * b.
Proof. intros. ring. Qed.

Theorem difference_of_squares : forall a b : Z, (a + b) * (a - b) = a * a - b * b.
Proof. intros. ring. Qed.

Theorem sum_of_cubes : forall a b : Z, a * a * a + b * b * b = (a + b) * (a * a - a * b + b * b).
Proof. intros. ring. Qed.
