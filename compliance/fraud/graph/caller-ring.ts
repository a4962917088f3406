export interface RingMember {
  ring: CallerRing | null
}

/**
 * Callers that stick together: each shares numbers with another of them. Two that come to share enough bring their rings
 * together, the smaller into the larger, so that a caller moves at most log₂ of the limit times.
 */
export class CallerRing {
  readonly #maxMembers: number
  readonly #members: RingMember[] = []

  constructor(maxMembers: number) {
    this.#maxMembers = maxMembers
  }

  get size(): number {
    return this.#members.length
  }

  /** Puts two callers, each of a ring or none, into one. A ring that is full takes no more: it is known by then. */
  static join(a: RingMember, b: RingMember, maxMembers: number): void {
    if (a.ring !== null && a.ring === b.ring) return
    const [small, large] = (a.ring?.size ?? 1) < (b.ring?.size ?? 1) ? [a, b] : [b, a]
    large.ring ??= new CallerRing(maxMembers).#take(large)
    const moving = small.ring ? small.ring.#members : [small]
    if (large.ring.size + moving.length > large.ring.#maxMembers) return
    for (const member of moving) large.ring.#take(member)
  }

  /** For a caller that is forgotten. */
  leave(member: RingMember): void {
    const at = this.#members.indexOf(member)
    const last = this.#members.pop()
    if (last && last !== member) this.#members[at] = last
    member.ring = null
  }

  #take(member: RingMember): this {
    member.ring = this
    this.#members.push(member)
    return this
  }
}
