"""From what a run left in its folder to its results, at its end or again later, and to a page that shows them."""
