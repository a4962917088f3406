import { HttpFailure, type HttpClient } from '../outgoing/http-client.ts'
import { isNorthAmerican, type LookupValue, type SuppressionLookup } from '../../model/suppression-list.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** Whoever keeps a list gave no answer that can be used. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** Asks whoever keeps a list whether a number is on it. Throws NoAnswer, whose message holds neither number nor key. */
export async function askOutside(
  client: Pick<HttpClient, 'send'>,
  lookup: SuppressionLookup,
  number: PhoneNumber,
): Promise<boolean> {
  const url = urlOf(lookup, number)
  if (url === null) throw new NoAnswer('the number is not North American')
  const request = { method: 'GET', url, headers: { Accept: 'application/json', ...lookup.headers }, body: null }
  let status: number
  let text: string
  try {
    ;({ status, text } = await client.send(request, lookup.deadlineMs))
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error
    throw new NoAnswer(error.kind === 'late' ? `no answer within ${lookup.deadlineMs} ms` : WORDS[error.kind])
  }
  if (status !== 200) throw new NoAnswer(`it answered ${status}`)
  const value = valueAt(text, lookup.pointer)
  if (lookup.listed.includes(value as LookupValue)) return true
  if (lookup.clear.includes(value as LookupValue)) return false
  throw new NoAnswer(`its answer has nothing at ${lookup.pointer} that means listed or not`)
}

const WORDS: Readonly<Record<Exclude<HttpFailure['kind'], 'late'>, string>> = {
  unreachable: 'it cannot be reached',
  address_refused: 'its address is not called',
  too_long: 'its answer is too long',
  malformed: 'its answer cannot be read',
}

/** Null: the service takes national numbers, and this has none. */
function urlOf({ url }: SuppressionLookup, number: PhoneNumber): string | null {
  if (url.includes('{national}') && !isNorthAmerican(number)) return null
  return url.replaceAll('{number}', encodeURIComponent(number)).replaceAll('{national}', number.slice(2))
}

/** What a JSON pointer (RFC 6901) leads to; undefined: nothing. Throws NoAnswer for what is no JSON. */
function valueAt(text: string, pointer: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new NoAnswer('its answer is no JSON')
  }
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
