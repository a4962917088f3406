/** How long the exchange may take to answer a command. */
const ANSWER_MS = 10_000

export interface SipQuestion {
  /** Where the API listens, as the settings say. */
  readonly host: string
  readonly port: number
  /** Null: there is none, and nobody need be asked. */
  readonly token: string | null
}

/** The SIP of a call from the exchange that runs, or a sentence that says why not. */
export type SipAnswer = { readonly bytes: Buffer } | { readonly why: string }

/** Asks the running exchange, over its API, for the SIP of a call: it is kept in that process's memory and nowhere else. */
export async function askForSip(callId: string, format: 'text' | 'pcap', question: SipQuestion): Promise<SipAnswer> {
  const { port, token } = question
  if (token === null) return { why: 'there is no administrator to ask as; give --token' }
  const host = question.host === '0.0.0.0' ? '127.0.0.1' : question.host === '::' ? '::1' : question.host
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  let answer: Response
  try {
    answer = await fetch(`${base}/api/v1/calls/${callId}/sip?format=${format}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    })
  } catch {
    return { why: `no exchange answers at ${base}; SIP messages are kept in its memory only` }
  }
  if (answer.ok) return { bytes: Buffer.from(await answer.arrayBuffer()) }
  return { why: await reasonOf(answer, base) }
}

async function reasonOf(answer: Response, base: string): Promise<string> {
  if (answer.status === 401) return `the exchange at ${base} does not know this token; give --token`
  const problem: unknown = await answer.json().catch(() => null)
  const detail = typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null
  return typeof detail === 'string' ? detail : `${base} answered ${answer.status}`
}
