import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { uriOf } from './headers.ts'
import type { SipServerLimits } from './limits.ts'
import type { SipMessage } from './message.ts'
import type { RequestHandler } from './request-handler.ts'
import type { Peer } from './transport.ts'
import { parseUri } from './uri.ts'
import { serialize } from './wire-format.ts'

/** Asks a handler over HTTP what to do with a request. Rejects when no answer of 2xx comes in time. */
export function askHandler(
  handler: RequestHandler,
  message: SipMessage,
  source: Peer,
  limits: SipServerLimits,
  userAgent: string,
): Promise<string> {
  const url = new URL(handler.url)
  for (const [name, value] of factsOf(message, source)) url.searchParams.append(name, value)
  const isPost = handler.httpMethod === 'POST'
  const body = isPost ? Buffer.from(serialize(message), 'latin1') : null
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  const question = send(url, {
    method: handler.httpMethod,
    headers: {
      Accept: 'application/json',
      'User-Agent': userAgent,
      ...(body !== null && { 'Content-Type': 'text/plain', 'Content-Length': body.length }),
    },
    rejectUnauthorized: handler.verifyPeer,
    signal: AbortSignal.timeout(limits.handlerMs),
  })
  const giveUp = (why: string): void => {
    reject(new Error(why))
    question.destroy()
  }
  question.on('error', reject)
  question.on('response', (response) => {
    const { statusCode = 0 } = response
    response.on('error', reject)
    if (statusCode < 200 || statusCode > 299) return giveUp(`it answered ${statusCode}`)
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > limits.maxHandlerAnswerBytes) giveUp('its answer is too large')
    })
    response.on('end', () => resolve(text))
  })
  question.end(body)
  return promise
}

/** The query: what drachtio's handlers are told, and then the parameters of the Request-URI. */
function factsOf(message: SipMessage, source: Peer): [string, string][] {
  const uri = parseUri(message.requestUri)
  const userIn = (value: string | undefined): string => parseUri(uriOf(value ?? '') ?? '')?.user ?? ''
  const facts: [string, string][] = [
    ['method', message.method],
    ['domain', uri?.host ?? ''],
    ['protocol', source.transport.name],
    ['source_address', source.host],
    ['fromUser', userIn(message.get('from'))],
    ['toUser', userIn(message.get('to'))],
    ['uriUser', uri?.user ?? ''],
    ['contentType', message.get('content-type') ?? ''],
    ['uri', message.requestUri],
  ]
  // A parameter of the caller's must not pass for a fact of ours.
  const known = new Set(facts.map(([name]) => name))
  return [...facts, ...[...(uri?.params ?? [])].filter(([name]) => !known.has(name))]
}
