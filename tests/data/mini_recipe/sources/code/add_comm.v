(* Addition of natural numbers does not depend on the order of its arguments. *)

Fixpoint add (n m : nat) : nat :=
  match n with
  | O => m
  | S p => S (add p m)
  end.

Lemma add_zero_right : forall n : nat, add n O = n.
Proof. induction n as [| p IH]; simpl; [reflexivity | rewrite IH; reflexivity]. Qed.

Lemma add_succ_right : forall n m : nat, add n (S m) = S (add n m).
Proof. induction n as [| p IH]; intro m; simpl; [reflexivity | rewrite IH; reflexivity]. Qed.

Theorem add_comm : forall n m : nat, add n m = add m n.
Proof.
  induction n as [| p IH]; intro m; simpl.
  - rewrite add_zero_right. reflexivity.
  - rewrite add_succ_right, IH. reflexivity.
Qed.
