/** One side of one call, as the application knows it. */
export interface Leg {
  inviteId: string
  dialogId: string
  state: 'early' | 'up' | 'over'
  /** The other side was asked to make the offer: our ACK answers it. */
  owesAnswer?: boolean
  /** What a Replaces header calls it by at the other end (RFC 3891 §3), once it is up. */
  replaces?: string
}

/** What the other end of a call of ours would be told to replace (RFC 3891 §3), by our answer to its INVITE. */
export function replacesOf(answer: string): string {
  const tagIn = (name: string): string => new RegExp(`^${name}: .*;tag=([^;\\r]+)`, 'm').exec(answer)![1]!
  return `${/^Call-ID: (.*)\r$/m.exec(answer)![1]!};to-tag=${tagIn('From')};from-tag=${tagIn('To')}`
}
