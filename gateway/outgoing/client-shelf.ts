import type { HttpClient } from './http-client.ts'

/**
 * A client for each customer, so that no one's slow hosts use up the connections of another; those not used for longest are let go when there are too
 * many: what they have under way still comes to its end.
 */
export class ClientShelf {
  readonly #most: number
  readonly #create: () => HttpClient
  readonly #clients = new Map<string, HttpClient>()

  constructor(most: number, create: () => HttpClient) {
    this.#most = most
    this.#create = create
  }

  get size(): number {
    return this.#clients.size
  }

  of(customer: string): HttpClient {
    const client = this.#clients.get(customer) ?? this.#create()
    this.#clients.delete(customer) // The last in the map is the one that was used last.
    this.#clients.set(customer, client)
    for (const [oldest, unused] of this.#clients) {
      if (this.#clients.size <= this.#most) break
      this.#clients.delete(oldest)
      void unused.retire()
    }
    return client
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()))
  }
}
