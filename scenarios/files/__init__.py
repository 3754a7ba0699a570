"""What scenario files of any market are made of: types, distributions, populations."""
