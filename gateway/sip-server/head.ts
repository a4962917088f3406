import type { ParseFailure, SipMessage } from './message.ts'

/** Who wrote the text: a peer on the network (every rule holds), or the application (it leaves most headers to us). */
export type Origin = 'network' | 'app'

/** A message's start line and headers, read; the body is the framer's affair. */
export interface Head {
  readonly message: SipMessage
  /** The first fault found. Reading goes on after it, so that an answer has its Via, From, To, Call-ID and CSeq. */
  failure: ParseFailure | null
  /** -1 when absent. */
  contentLength: number
  /** Where the body starts in the text, or -1 when no empty line ends the headers. */
  bodyStart: number
  /** One bit for each single header met, so that a second one is found without a search. */
  seen: number
  /** False when lines or lengths are damaged: a stream has no next message after this one. */
  isFramed: boolean
}

/** Notes a fault, unless there was one before. An ACK and a response are never answered (RFC 3261 §17): their status is null. */
export function fail(head: Head, status: ParseFailure['status'], reason: string): void {
  if (head.failure !== null) return
  const { message } = head
  const answered = message.isRequest && message.method !== 'ACK' ? status : null
  head.failure = { status: answered, reason, partial: message }
}

/** Notes a fault after which the end of this message is not certain. */
export function failFraming(head: Head, reason: string): void {
  head.isFramed = false
  fail(head, 400, reason)
}
