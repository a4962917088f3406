/** What a relay thread has told of pairs that it keeps bound, each of which is given to one call. The thread's own limit bounds it. */
export class ReadyPorts {
  readonly #ports = new Map<string, number[]>()

  add(address: string, port: number): void {
    const ports = this.#ports.get(address)
    if (ports) ports.push(port)
    else this.#ports.set(address, [port])
  }

  /** The two longest ready, for both sides of a call; null, and none is taken, unless there are both. */
  take(callerAddress: string, buyerAddress: string): { callerPort: number; buyerPort: number } | null {
    const callers = this.#ports.get(callerAddress)
    const buyers = this.#ports.get(buyerAddress)
    if (!callers || !buyers || callers.length === 0 || buyers.length < (callers === buyers ? 2 : 1)) return null
    return { callerPort: callers.shift()!, buyerPort: buyers.shift()! }
  }

  get isEmpty(): boolean {
    return [...this.#ports.values()].every((ports) => ports.length === 0)
  }

  /** Forgets them all; returns what there was. */
  clear(): [address: string, ports: readonly number[]][] {
    const all = [...this.#ports]
    this.#ports.clear()
    return all
  }
}
