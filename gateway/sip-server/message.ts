/** One header field line: `key` is the full lower-case name (compact forms expanded), `name` as it is written on the wire. */
export interface HeaderField {
  readonly key: string
  readonly name: string
  value: string
}

/** The topmost Via, taken apart by the parser because every layer needs it (RFC 3261 §18.2.2, §17.1.3). */
export interface TopVia {
  readonly transport: string
  readonly host: string
  readonly port: number | null
  readonly branch: string
  readonly received: string | null
  /** `null`: no rport parameter; `''`: asked for; else its value (RFC 3581). */
  readonly rport: string | null
  /** `null`: no keep parameter; `''`: the sender would send keep-alives; else how often it is asked to, in seconds (RFC 6223). */
  readonly keep: string | null
  /** The connection may be used for requests to the sent-by address (RFC 5923). */
  readonly hasAlias: boolean
}

/**
 * A SIP message (RFC 3261 §7). Text is latin1 end to end: a JavaScript string holds one byte a character, so
 * `length` is the size on the wire. The parser fills the hot fields; everything else stays raw in `headers`, in order,
 * a comma list already split where the grammar has one (§7.3.1: Via, Route, Record-Route, Contact, Supported, …).
 */
export class SipMessage {
  /** Empty for a response. */
  method: string
  /** Empty for a response. Raw text of the Request-URI. */
  requestUri: string
  /** 0 for a request. */
  status: number
  reason: string
  headers: HeaderField[]
  body: string
  /** Private, so that messages that say the same are equal however they were written. */
  #wire = ''

  topVia: TopVia | null
  callId: string
  cseq: number
  cseqMethod: string
  fromTag: string
  toTag: string

  constructor(method: string, requestUri: string, status: number, reason: string) {
    this.method = method
    this.requestUri = requestUri
    this.status = status
    this.reason = reason
    this.headers = []
    this.body = ''
    this.topVia = null
    this.callId = ''
    this.cseq = 0
    this.cseqMethod = ''
    this.fromTag = ''
    this.toTag = ''
  }

  /** The whole message as it came from the network; '' for one that we build. */
  get wire(): string {
    return this.#wire
  }

  set wire(text: string) {
    this.#wire = text
  }

  get isRequest(): boolean {
    return this.status === 0
  }

  /** The first value of a header, by its full lower-case name. */
  get(key: string): string | undefined {
    for (const field of this.headers) if (field.key === key) return field.value
    return undefined
  }

  getAll(key: string): string[] {
    const values: string[] = []
    for (const field of this.headers) if (field.key === key) values.push(field.value)
    return values
  }

  /** Replaces every field of this name by one, at the place of the first. */
  set(name: string, value: string): void {
    const key = name.toLowerCase()
    const at = this.headers.findIndex((field) => field.key === key)
    if (at === -1) {
      this.headers.push({ key, name, value })
      return
    }
    this.headers[at]!.value = value
    for (let i = this.headers.length - 1; i > at; i--) if (this.headers[i]!.key === key) this.headers.splice(i, 1)
  }

  add(name: string, value: string): void {
    this.headers.push({ key: name.toLowerCase(), name, value })
  }

  remove(key: string): void {
    this.headers = this.headers.filter((field) => field.key !== key)
  }
}

/** Why bytes are not a message. `status` is what to answer when the message had enough to be answered; null: drop and count. */
export interface ParseFailure {
  readonly status: 400 | 413 | 414 | 501 | 505 | null
  /** Names the header at fault: it becomes the reason phrase. */
  readonly reason: string
  /** What could be read, for the answer's Via, From, To, Call-ID and CSeq. */
  readonly partial: SipMessage | null
}
