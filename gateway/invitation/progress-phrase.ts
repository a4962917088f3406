const PHRASES: Readonly<Record<number, string>> = {
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
}

/** The reason phrase of a provisional answer passed on, in our own words: a buyer's may name what is nobody else's business. */
export function progressPhrase(status: number): string {
  return PHRASES[status] ?? 'Session Progress'
}
