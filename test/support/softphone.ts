export interface SoftphoneOptions {
  /** The exchange, as the phone's settings have it. */
  readonly server: { readonly host: string; readonly port: number }
  readonly transport: 'udp' | 'tcp' | 'tls'
  readonly username: string
  readonly password: string
  /** A carrier's phone only calls. Default true. */
  readonly registers?: boolean
  /** Takes calls by itself. Default true. */
  readonly answers?: boolean
  /** The tone it speaks, in Hz: a multiple of 50. */
  readonly toneHz: number
  /** The URI of whom it writes to; baresip also watches whether that one is there. */
  readonly contact?: string
  /** The file with the certificate, or its authority's, that it takes for the exchange's. */
  readonly trusted?: string
  /** SRTP with keys in the description (RFC 4568), and nothing less. */
  readonly srtp?: boolean
}

/** A phone that was not written for these tests. It speaks a tone, and records what it hears. */
export interface Softphone {
  /** All it said, the SIP it sent and received included. */
  readonly said: string
  /** A place in what it said: now. */
  readonly mark: number
  /** Waits until it has said so after that place. */
  waitFor(pattern: RegExp, from?: number): Promise<RegExpExecArray>
  dial(uri: string): void
  /** Resolves once the exchange has agreed; so does `resume`. */
  hold(): Promise<void>
  resume(): Promise<void>
  /** Keys a digit (RFC 4733). */
  key(digit: string): void
  /** A blind transfer (RFC 5589 §6). */
  transfer(uri: string): void
  /** Writes to its contact. */
  message(text: string): void
  /** Ends its call, gives up one it dials, refuses one that rings. */
  hangUp(): void
  /** The tones it has heard so far, in ms each. */
  tonesHeard(): Promise<Map<number, number>>
  /** Ends it, letting it hang up and unregister. */
  close(): Promise<void>
}
