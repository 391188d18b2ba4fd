(* Mapping over an optional value keeps identities and compositions. *)

Definition map_option {A B : Type} (f : A -> B) (x : option A) : option B :=
  match x with Some a => Some (f a) | None => None end.

Theorem map_identity : forall (A : Type) (x : option A), map_option (fun a => a) x = x.
Proof. destruct x; reflexivity. Qed.

Theorem map_compose : forall (A B C : Type) (f : A -> B) (g : B -> C) (x : option A),
  map_option g (map_option f x) = map_option (fun a => g (f a)) x.
Proof. destruct x; reflexivity. Qed.
