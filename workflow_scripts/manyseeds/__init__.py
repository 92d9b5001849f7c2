"""How far the internal representations of networks agree that differ only in a random seed (Mehrer et al., 2020)."""
