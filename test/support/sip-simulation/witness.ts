interface Asked {
  readonly method: string
  readonly isInDialog: boolean
  readonly finals: number[]
}

interface Shown {
  readonly method: string
  /** What our answer on the wire is known by. */
  readonly wireKey: string
  /** The final answer that the server has confirmed. */
  final: number | null
  wasCancelled: boolean
}

interface DialogRecord {
  /** How often the server told its end: a BYE of the peer's, or one of its own. */
  ends: number
  ownByes: number
}

/** What one application has said and has been told; it knows what must be true when all is over. */
export class Witness {
  readonly name: string
  readonly #replies = new Map<string, number>()
  readonly #asked = new Map<string, Asked>()
  readonly #shown = new Map<string, Shown>()
  readonly #dialogs = new Map<string, DialogRecord>()
  readonly #faults: string[] = []
  /** The application is gone: nothing more is owed to it. */
  isDismissed = false

  constructor(name: string) {
    this.name = name
  }

  #fault(text: string): void {
    this.#faults.push(`${this.name}: ${text}`)
  }

  framed(frameId: string): void {
    this.#replies.set(frameId, 0)
  }

  replied(frameId: string): void {
    const count = this.#replies.get(frameId)
    if (count === undefined) this.#fault(`a reply to ${frameId}, which was never sent`)
    else this.#replies.set(frameId, count + 1)
  }

  asked(transactionId: string, method: string, isInDialog: boolean): void {
    this.#asked.set(transactionId, { method, isInDialog, finals: [] })
  }

  answered(transactionId: string, status: number, dialogId: string): void {
    const asked = this.#asked.get(transactionId)
    if (asked === undefined) return this.#fault(`${status} for ${transactionId}, which was never asked`)
    if (status < 200) {
      if (asked.finals.length > 0) this.#fault(`${status} for ${asked.method} after ${asked.finals[0]}`)
      return
    }
    asked.finals.push(status)
    if (asked.method === 'INVITE' && !asked.isInDialog && status < 300) this.began(dialogId)
  }

  shown(transactionId: string, method: string, wireKey: string): void {
    if (this.#shown.has(transactionId)) this.#fault(`${method} ${transactionId} was shown twice`)
    for (const other of this.#shown.values())
      if (other.wireKey === wireKey && other.method === method) this.#fault(`the same ${method} was shown twice`)
    this.#shown.set(transactionId, { method, wireKey, final: null, wasCancelled: false })
  }

  cancelled(transactionId: string): void {
    const shown = this.#shown.get(transactionId)
    if (shown === undefined) return this.#fault(`CANCEL of ${transactionId}, which was never shown`)
    if (shown.final !== null) this.#fault(`CANCEL shown after the final answer ${shown.final} had been taken`)
    if (shown.wasCancelled) this.#fault('CANCEL shown twice')
    shown.wasCancelled = true
  }

  /** Our answer to a request went out. */
  responded(transactionId: string, status: number): void {
    if (status < 200) return
    const shown = this.#shown.get(transactionId)
    if (shown !== undefined) shown.final ??= status
  }

  began(dialogId: string): void {
    if (dialogId === '') return this.#fault('a dialog without a name')
    if (this.#dialogs.has(dialogId)) this.#fault(`the dialog ${dialogId} began twice`)
    this.#dialogs.set(dialogId, { ends: 0, ownByes: 0 })
  }

  said(dialogId: string, method: string): void {
    const dialog = this.#dialogs.get(dialogId)
    if (method === 'BYE' && dialog !== undefined) dialog.ownByes++
  }

  /** A BYE was shown, of the peer's or of the server's own making. */
  ended(dialogId: string): void {
    const dialog = this.#dialogs.get(dialogId)
    if (dialog === undefined) return this.#fault(`the end of ${dialogId}, which never began`)
    dialog.ends++
  }

  /** Everything that is not as it should be, now that all is over. `wireFinals`: what each INVITE was answered on the wire. */
  faults(wireFinals: ReadonlyMap<string, string>): string[] {
    if (this.isDismissed) return []
    for (const [frameId, count] of this.#replies)
      if (count !== 1) this.#fault(`${count} replies to the frame ${frameId}`)
    for (const { method, finals } of this.#asked.values())
      if (finals.length !== 1) this.#fault(`${finals.length} final answers (${finals.join(', ')}) to its ${method}`)
    for (const [dialogId, { ends, ownByes }] of this.#dialogs)
      if (ends > 1 || (ends === 0 && ownByes === 0)) this.#fault(`the dialog ${dialogId} ended ${ends} times`)
    for (const shown of this.#shown.values()) {
      if (shown.method !== 'INVITE') continue
      const onWire = wireFinals.get(shown.wireKey)
      if (onWire === undefined) this.#fault('an INVITE that was shown had no final answer on the wire')
      else if (shown.final !== null && !onWire.startsWith(`SIP/2.0 ${shown.final} `))
        this.#fault(`it answered ${shown.final}, and on the wire was ${onWire.slice(0, 30)}`)
    }
    return this.#faults
  }
}
