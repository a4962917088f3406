import type { IncomingMessage } from 'node:http'
import { Problem } from './problems.ts'

/** The bytes of a request's body, at most `limit`; rejects with 413 beyond it, before reading what is announced as longer. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  refuseUnread(request, limit)
  // By events: an iterator over a stream costs more than all the rest of a small request.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let isWhole = false
    const take = (chunk: Buffer): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= limit) return
      request.off('data', take)
      reject(tooLarge(limit))
    }
    const breakOff = (): void => {
      if (!isWhole) reject(brokenOff())
    }
    request.on('data', take)
    request.once('end', () => {
      isWhole = true
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
    })
    request.once('error', breakOff)
    request.once('close', breakOff)
    if (request.destroyed) breakOff() // It said so before anybody listened.
  })
}

/** A request's body as it comes, ending in a 413 beyond `limit` bytes. */
export async function* limited(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  refuseUnread(request, limit)
  let length = 0
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > limit) throw tooLarge(limit)
      yield chunk
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw brokenOff()
  }
}

/** Throws for a body that is not worth reading. */
function refuseUnread({ headers }: IncomingMessage, limit: number): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Problem('unsupported_media_type', `Content-Encoding ${encoding} is not taken; send the body as it is.`)
  }
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
}

function brokenOff(): Problem {
  return new Problem('bad_request', 'The body ended before it was complete.')
}

function tooLarge(limit: number): Problem {
  return new Problem('body_too_large', `At most ${limit} bytes are taken here.`)
}

/** The content type without its parameters; '' when there is none. Throws 415 for a charset that is not UTF-8. */
export function contentType(request: IncomingMessage): string {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='))
  if (charset && !/^charset="?(utf-8|us-ascii)"?$/.test(charset.trim())) {
    throw new Problem('unsupported_media_type', 'Text is taken in UTF-8 only.')
  }
  return type.trim()
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a body; throws 400 when it is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Problem('bad_request', 'The body is not UTF-8 text.')
  }
}

// Digits that JSON.parse may round away. Only then is the slower parse, which sees the number's own text, needed.
const MAY_LOSE_DIGITS = /[\d.]{16}|\d[eE]/

/**
 * The value of a JSON text; throws 400 with the parser's words. A number that a double cannot hold to the last digit (40
 * decimals, 1e309) comes back as its text, so that money is refused rather than rounded, and everything else too.
 */
export function parseJson(json: string): unknown {
  try {
    return MAY_LOSE_DIGITS.test(json) ? (JSON.parse(json, keepLongNumbers) as unknown) : (JSON.parse(json) as unknown)
  } catch (error) {
    throw new Problem('malformed_json', error instanceof Error ? error.message.slice(0, 200) : 'It cannot be parsed.')
  }
}

function keepLongNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  const digits = context.source.replace(/[eE].*$/, '').replace(/^-?0*\.?0*|\./g, '')
  return digits.length > 15 || !Number.isFinite(value) ? context.source : value
}
