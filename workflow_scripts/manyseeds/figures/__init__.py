"""Figures of Mehrer et al. (2020), each drawn from tables alone."""
