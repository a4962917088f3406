/** Watches what is sent over the network: each INVITE's one final answer, and what may not be said before its time. */
export class WireWitness {
  /** Final answers by `Call-ID|branch|INVITE`. */
  readonly finals = new Map<string, string>()
  readonly happenings = new Set<string>()
  readonly faults: string[] = []
  /** Whether the sale of the call with this Call-ID of the carrier's is on the disk. */
  isSaleDurable: (callId: string) => boolean = () => true
  /** The first INVITE of each call that was made to the exchange: its key among `finals`. */
  readonly #calls = new Map<string, string>()
  readonly #replacing = new Set<string>()
  readonly #exchange: string
  readonly #proxy: string

  constructor(exchange: string, proxy: string) {
    this.#exchange = exchange
    this.#proxy = proxy
  }

  sent(from: string, text: string): void {
    const isAnswer = text.startsWith('SIP/2.0 ')
    const word = isAnswer ? text.slice(8, 11) : text.slice(0, text.indexOf(' '))
    this.happenings.add(from === this.#exchange ? `sent ${word}` : word)
    const reason = /^Reason: .*text="([^"]*)"/m.exec(text)
    if (reason !== null) this.happenings.add(reason[1]!)
    // A proxy passes on what others have said.
    if (from === this.#proxy) return
    if (isAnswer) this.#answered(from, text)
    else if (word === 'INVITE' && from !== this.#exchange && !/^To: .*;tag=/m.test(text)) {
      this.#calls.set(callIdOf(text), keyOf(text))
      // Whoever takes a place in a call buys nothing.
      if (/^Replaces: /m.test(text)) this.#replacing.add(callIdOf(text))
    }
  }

  #answered(from: string, text: string): void {
    if (text.startsWith('SIP/2.0 1') || !/^CSeq: \d+ INVITE\r$/m.test(text)) return
    const key = keyOf(text)
    const before = this.finals.get(key)
    if (before !== undefined) {
      if (before !== text) this.faults.push(`two final answers to one INVITE:\n${before}\n${text}`)
      return
    }
    this.finals.set(key, text)
    const callId = callIdOf(text)
    if (from === this.#exchange && text.startsWith('SIP/2.0 2') && this.#calls.get(callId) === key)
      if (!this.#replacing.has(callId) && !this.isSaleDurable(callId))
        this.faults.push('the caller heard 200 before the sale was on the disk')
  }

  /** The final status of the call a carrier made with this Call-ID; null: none. */
  statusOf(callId: string): number | null {
    const final = this.finals.get(this.#calls.get(callId) ?? '')
    return final === undefined ? null : Number(final.slice(8, 11))
  }

  /** The Call-IDs of INVITEs that had a 2xx. */
  accepted(): Set<string> {
    const accepted = [...this.finals].filter(([, text]) => text.startsWith('SIP/2.0 2'))
    return new Set(accepted.map(([key]) => key.slice(0, key.indexOf('|'))))
  }
}

function callIdOf(text: string): string {
  return /^Call-ID: (.*)\r$/m.exec(text)![1]!
}

function keyOf(text: string): string {
  return `${callIdOf(text)}|${/;branch=([^;\r]+)/.exec(text)![1]}|INVITE`
}
