"""The world array: the adaptive strategy of very many buyers of an exchange in numpy, round by round."""
