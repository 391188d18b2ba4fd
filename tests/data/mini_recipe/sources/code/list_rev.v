(* Reversing a list twice gives the list back. *)

Require Import List.
Import ListNotations.

Fixpoint snoc {A : Type} (l : list A) (x : A) : list A :=
  match l with [] => [x] | y :: t => y :: snoc t x end.

Fixpoint reverse {A : Type} (l : list A) : list A :=
  match l with [] => [] | x :: t => snoc (reverse t) x end.

Lemma reverse_snoc : forall (A : Type) (l : list A) (x : A), reverse (snoc l x) = x :: reverse l.
Proof. induction l as [| y t IH]; intro x; simpl; [| rewrite IH]; reflexivity. Qed.

Theorem reverse_twice : forall (A : Type) (l : list A), reverse (reverse l) = l.
Proof. induction l as [| x t IH]; simpl; [| rewrite reverse_snoc, IH]; reflexivity. Qed.
