(* The mirror image of a binary tree has as many leaves as the tree. *)

Inductive tree : Type :=
  | leaf : tree
  | node : tree -> tree -> tree.

Fixpoint mirror (t : tree) : tree :=
  match t with leaf => leaf | node l r => node (mirror r) (mirror l) end.

Fixpoint leaves (t : tree) : nat :=
  match t with leaf => 1 | node l r => leaves l + leaves r end.

Theorem mirror_twice : forall t : tree, mirror (mirror t) = t.
Proof. induction t as [| l IHl r IHr]; simpl; [| rewrite IHl, IHr]; reflexivity. Qed.

Theorem mirror_leaves : forall t : tree, leaves (mirror t) = leaves t.
Proof. induction t as [| l IHl r IHr]; simpl; [| rewrite IHl, IHr; apply PeanoNat.Nat.add_comm]; reflexivity. Qed.
