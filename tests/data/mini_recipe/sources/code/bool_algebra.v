(* The laws of De Morgan, decided by looking at every case. *)

Definition both (a b : bool) : bool := if a then b else false.
Definition either (a b : bool) : bool := if a then true else b.
Definition no (a : bool) : bool := if a then false else true.

Theorem de_morgan_both : forall a b : bool, no (both a b) = either (no a) (no b).
Proof. destruct a, b; reflexivity. Qed.

Theorem de_morgan_either : forall a b : bool, no (either a b) = both (no a) (no b).
Proof. destruct a, b; reflexivity. Qed.

Theorem no_twice : forall a : bool, no (no a) = a.
Proof. destruct a; reflexivity. Qed.
