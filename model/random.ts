import { randomFillSync } from 'node:crypto'

/** Chance, passed in: `systemRandom` is the only place in the product that draws real random numbers. */
export interface Random {
  /** `count` random bytes, valid until the next call. */
  bytes(count: number): Uint8Array
}

// One system call fills the pool for hundreds of ids: a call makes several and must not pay for each.
const pool = new Uint8Array(4096)
let used = pool.length

export const systemRandom: Random = {
  bytes(count) {
    if (used + count > pool.length) {
      randomFillSync(pool)
      used = 0
    }
    used += count
    return pool.subarray(used - count, used)
  },
}
