/**
 * What an application says with `proxy|<transactionId>|remainInDialog|fullResponse|followRedirects|simultaneous or serial|
 * provisional timeout|final timeout|destination|…`; a flag that is not set is an empty token.
 */
export interface ProxyCommand {
  readonly transactionId: string
  /** Stay in the path of the call with Record-Route. */
  readonly remainsInDialog: boolean
  /** Tell the application every final response, and when all is over. */
  readonly wantsResponses: boolean
  readonly followsRedirects: boolean
  readonly isParallel: boolean
  /** A destination that has said nothing by then is given up; null: its transaction's own time. */
  readonly provisionalMs: number | null
  /** One that has not answered finally by then is cancelled; null: timer C. */
  readonly finalMs: number | null
  readonly destinations: readonly string[]
}

const FIRST_DESTINATION = 9

/** Reads the tokens of a `proxy` frame, its id and type included; null when there are too few. */
export function readProxyCommand(tokens: readonly string[]): ProxyCommand | null {
  const destinations = tokens.slice(FIRST_DESTINATION).filter((each) => each !== '')
  if (destinations.length === 0) return null
  return {
    transactionId: tokens[2]!,
    remainsInDialog: tokens[3] === 'remainInDialog',
    wantsResponses: tokens[4] === 'fullResponse',
    followsRedirects: tokens[5] === 'followRedirects',
    isParallel: tokens[6] === 'simultaneous',
    provisionalMs: readDuration(tokens[7]!),
    finalMs: readDuration(tokens[8]!),
    destinations,
  }
}

/** `2s`, `1500ms`, or nothing. A bare number is milliseconds. */
export function readDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s)?$/.exec(text.trim())
  if (match === null) return null
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1)
}
