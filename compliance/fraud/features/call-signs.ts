import type { ArrivingCall } from '../fraud-call.ts'

/** What a call shows by itself, before anything else of its caller or seller is looked at. Each is a 0 or 1 but where it says otherwise. */
export const CALL_SIGNS = [
  /** No number, or none that can be read. */
  'call.withheld',
  /** A number of another country than those of the North American plan. */
  'call.foreign',
  /** A toll-free number calls: they take calls and make none of their own. */
  'call.tollFree',
  /** Of the North American plan, and of no state's area code: unassigned, or of another country of the plan. */
  'call.unplaced',
  /** 555-0100 to 555-0199, which are kept for fiction. */
  'call.fictional',
  /** The longest run of one digit in it: 1 to 15. */
  'call.repeatedDigits',
  /** Caller and called number have the area code and exchange in common: NPA-NXX. */
  'call.neighbour',
  /** The seller says the consumer is in a state that the number is not of. */
  'call.misplaced',
  /** 0: none; 1: C; 2: B; 3: A. */
  'call.attestation',
  'call.transfer',
  /** The User-Agent is one that scanners and dialling scripts are known by. */
  'call.scanner',
  'call.noUserAgent',
  /** How many the offer names. */
  'call.codecs',
  /** The offer has no RTP payload for digits (RFC 4733), which every telephone sends. */
  'call.noDigits',
] as const

/** What scanners and dialling scripts call themselves; the SIP server, where it is ours, bans them besides. */
const SCANNER =
  /friendly-(?:scanner|request)|sipvicious|sipcli|sip-?scan|sundayddr|vax(?:sip|ip)useragent|pplsip|siparmyknife|eyebeam-scan|iwar|sivus/i
const TOLL_FREE = ['800', '833', '844', '855', '866', '877', '888']
const ATTESTED = { C: 1, B: 2, A: 3 } as const

/** Writes the signs of one call to `to`, from `at` on, in the order of `CALL_SIGNS`. */
export function writeCallSigns(call: ArrivingCall, to: Float64Array, at: number): void {
  const { ani, dnis, numberStates, userAgent, attestation } = call
  const american = ani !== null && ani.startsWith('+1')
  const tollFree = american && startsWithAny(ani, TOLL_FREE, 2)
  to[at++] = bit(ani === null)
  to[at++] = bit(ani !== null && !american)
  to[at++] = bit(tollFree)
  to[at++] = bit(american && !tollFree && numberStates.length === 0)
  to[at++] = bit(american && ani.startsWith('55501', 5))
  to[at++] = ani === null ? 0 : longestRun(ani)
  to[at++] = bit(ani !== null && isNeighbour(ani, dnis))
  to[at++] = bit(isMisplaced(call))
  to[at++] = attestation === null ? 0 : ATTESTED[attestation]
  to[at++] = bit(call.trafficType === 'transfer')
  to[at++] = bit(userAgent !== null && SCANNER.test(userAgent))
  to[at++] = bit(userAgent === null || userAgent === '')
  to[at++] = call.codecs.length
  to[at] = bit(call.codecs.length > 0 && !call.codecs.includes('telephone-event'))
}

/** Whether both numbers are of the same exchange: `+1 NPA NXX`. */
export function isNeighbour(ani: string, dnis: string): boolean {
  if (!ani.startsWith('+1') || !dnis.startsWith('+1')) return false
  for (let i = 2; i < 8; i++) if (ani.charCodeAt(i) !== dnis.charCodeAt(i)) return false
  return true
}

/** Whether the seller says the consumer is elsewhere than its number; not where either is unknown. */
export function isMisplaced({ saidState, numberStates }: ArrivingCall): boolean {
  return saidState !== null && numberStates.length > 0 && !numberStates.includes(saidState)
}

function longestRun(number: string): number {
  let longest = 1
  let run = 1
  for (let i = 2; i < number.length; i++) {
    run = number.charCodeAt(i) === number.charCodeAt(i - 1) ? run + 1 : 1
    if (run > longest) longest = run
  }
  return longest
}

function startsWithAny(text: string, prefixes: readonly string[], at: number): boolean {
  for (const prefix of prefixes) if (text.startsWith(prefix, at)) return true
  return false
}

function bit(is: boolean): number {
  return is ? 1 : 0
}
