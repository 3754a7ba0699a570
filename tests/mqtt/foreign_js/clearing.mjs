// The allocations and charges of a book (docs/protocol.md, section 8, "Clearing").

const ROUNDING = 1e-9;

/**
 * How much each bid gets of a supply.
 *
 * @param {{quantity: number, price: number}[]} bids by falling price
 */
export function allocate(bids, supply, reserve) {
  const allocations = bids.map(() => 0);
  let left = supply;
  for (let first = 0, end; first < bids.length && bids[first].price >= reserve; first = end) {
    end = first;
    while (end < bids.length && bids[end].price === bids[first].price) end += 1;
    const wanted = sum(bids.slice(first, end).map((bid) => bid.quantity));
    if (left <= 1e-12 * supply) break; // a rounding error is no allocation
    const share = Math.min(1, left / wanted);
    for (let k = first; k < end; k += 1) allocations[k] = bids[k].quantity * share;
    left -= Math.min(wanted, left);
  }
  return allocations;
}

/** What bid `own` pays: what its presence takes from the others, at their prices, and from the seller, at its reserve. */
export function charge(bids, allocations, own, supply, reserve) {
  if (allocations[own] === 0) return 0;
  const others = bids.filter((_, k) => k !== own);
  const without = allocate(others, supply, reserve);
  const withIt = allocations.filter((_, k) => k !== own);
  const lost = without.map((amount, k) => Math.max(0, amount - withIt[k]));
  const fromOthers = sum(lost.map((amount, k) => amount * others[k].price));
  return fromOthers + reserve * Math.max(0, allocations[own] - sum(lost));
}

/** Allocation and charge of every bid. */
export function clear(bids, supply, reserve) {
  const allocations = allocate(bids, supply, reserve);
  return allocations.map((allocation, k) => ({ allocation, charge: charge(bids, allocations, k, supply, reserve) }));
}

/** Whether two outcomes of a bid are the same but for rounding: nodes add up in different orders. */
export function isSameOutcome(bid, one, other) {
  const isSameQuantity = Math.abs(one.allocation - other.allocation) <= ROUNDING * bid.quantity;
  return isSameQuantity && Math.abs(one.charge - other.charge) <= ROUNDING * bid.quantity * bid.price;
}

const sum = (numbers) => numbers.reduce((total, next) => total + next, 0);
