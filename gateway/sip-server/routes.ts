/** One application's place among those that want a method. */
interface Place<Target> {
  readonly target: Target
  readonly weight: number
  /** How much it is owed: the one owed most is next. */
  credit: number
}

/**
 * Who wants which method, and whose turn it is: smooth weighted round robin, so that weights 3 and 1 go A A B A and not A A A B.
 * Asking twice is asking once: drachtio-srf repeats its routes with every new one.
 */
export class Routes<Target> {
  readonly #places = new Map<string, Place<Target>[]>()

  add(name: string, target: Target, weight: number): void {
    const places = this.#places.get(name)
    if (places === undefined) this.#places.set(name, [{ target, weight, credit: 0 }])
    else if (!places.some((place) => place.target === target)) places.push({ target, weight, credit: 0 })
  }

  remove(name: string, target: Target): void {
    const places = this.#places.get(name)
    const at = places?.findIndex((place) => place.target === target) ?? -1
    if (places === undefined || at === -1) return
    places.splice(at, 1)
    if (places.length === 0) this.#places.delete(name)
  }

  /** The target whose turn it is; null when nobody has that name. */
  next(name: string): Target | null {
    const places = this.#places.get(name)
    if (places === undefined) return null
    let total = 0
    let best = places[0]!
    for (const place of places) {
      place.credit += place.weight
      total += place.weight
      if (place.credit > best.credit) best = place
    }
    best.credit -= total
    return best.target
  }

  names(): string[] {
    return [...this.#places.keys()]
  }
}
