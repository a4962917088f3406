/** The dialog that a call is to replace (RFC 3891 §6.1), as the one who gets it knows it: `toTag` is its own. */
export interface Replaces {
  readonly callId: string
  readonly toTag: string
  readonly fromTag: string
  /** Only while it is not answered yet. */
  readonly isEarlyOnly: boolean
}

const CALL_ID = /^[^\s;,"<>]{1,256}$/
const TAG = /^[\w.!%*+`'~-]{1,128}$/

/** Reads the value of one Replaces header; null when it cannot be read, or there is more than one. */
export function readReplaces(text: string): Replaces | null {
  const [callId = '', ...rest] = text.split(';').map((part) => part.trim())
  if (!CALL_ID.test(callId)) return null
  const params = new Map<string, string>()
  for (const part of rest) {
    const [name = '', value = ''] = part.split('=', 2).map((each) => each.trim())
    if (params.has(name.toLowerCase())) return null
    params.set(name.toLowerCase(), value)
  }
  const [toTag = '', fromTag = ''] = [params.get('to-tag'), params.get('from-tag')]
  if (!TAG.test(toTag) || !TAG.test(fromTag)) return null
  return { callId, toTag, fromTag, isEarlyOnly: params.has('early-only') }
}

/** The header's value. */
export function writeReplaces({ callId, toTag, fromTag, isEarlyOnly }: Replaces): string {
  return `${callId};to-tag=${toTag};from-tag=${fromTag}${isEarlyOnly ? ';early-only' : ''}`
}
