(* Every natural number is even or odd, and none is both. *)

Inductive even : nat -> Prop :=
  | even_zero : even O
  | even_next : forall n, odd n -> even (S n)
with odd : nat -> Prop :=
  | odd_next : forall n, even n -> odd (S n).

Theorem even_or_odd : forall n : nat, even n \/ odd n.
Proof.
  induction n as [| p [H | H]].
  - left. constructor.
  - right. constructor. exact H.
  - left. constructor. exact H.
Qed.

Theorem not_both : forall n : nat, even n -> odd n -> False.
Proof. induction n; intros He Ho; inversion Ho; inversion He; auto. Qed.
