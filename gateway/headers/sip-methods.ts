/** What may be sent to us within a call (RFC 3261 §20.5): phones offer a transfer or a refresh by UPDATE only to those who say so. */
export const ALLOWED = 'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, MESSAGE, NOTIFY, SUBSCRIBE, REFER'

/** What every 2xx of ours to an INVITE, re-INVITE, UPDATE or OPTIONS says we can do: the same throughout a call. */
export const ABILITIES = { Allow: ALLOWED, Supported: 'timer, 100rel, replaces' } as const
