/** Where to send: what RFC 3263 calls the result of locating a server. */
export interface Hop {
  readonly transport: string
  /** An IP literal, without brackets. */
  readonly host: string
  readonly port: number
}
