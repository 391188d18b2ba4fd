(* The order of the natural numbers is transitive and total. *)

Inductive below : nat -> nat -> Prop :=
  | below_same : forall n, below n n
  | below_step : forall n m, below n m -> below n (S m).

Theorem below_trans : forall n m k : nat, below n m -> below m k -> below n k.
Proof. intros n m k Hnm Hmk. induction Hmk; [exact Hnm | constructor; auto]. Qed.

Lemma zero_below : forall n : nat, below O n.
Proof. induction n; constructor; assumption. Qed.

Lemma below_succ : forall n m : nat, below n m -> below (S n) (S m).
Proof. intros n m H. induction H; constructor; assumption. Qed.
