import type { SipMessage } from './message.ts'
import { mediaTypeOf, partsOf } from './multipart.ts'

/** What the applications of a server understand of SIP beyond its core. */
export interface Understood {
  /** Option tags a request may insist on with Require (RFC 3261 §19.2), in lower case. */
  readonly extensions: readonly string[]
  /** Types of body an INVITE may have, in lower case. With `multipart/mixed`, one of those among others that need not be read. */
  readonly bodies: readonly string[]
}

/** A refusal that a request gets before any application sees it. */
export interface Refused {
  readonly status: number
  readonly reason: string
  readonly headers: Record<string, string>
}

const MIXED = 'multipart/mixed'

/** Whether a request asks for no more than is understood (RFC 3261 §8.2.2.3, §8.2.3). */
export class Understanding {
  readonly #extensions: ReadonlySet<string>
  readonly #bodies: ReadonlySet<string>

  constructor({ extensions, bodies }: Understood) {
    this.#extensions = new Set(extensions)
    this.#bodies = new Set(bodies)
  }

  /** Null when all is well. One pass over the headers, since every request is asked about. */
  refusalOf(request: SipMessage): Refused | null {
    let unsupported = ''
    let contentType = ''
    let isOptional = false
    let isEncoded = false
    for (const { key, value } of request.headers) {
      switch (key) {
        case 'require':
          if (value !== '' && !this.#extensions.has(value.toLowerCase()))
            unsupported += unsupported === '' ? value : `, ${value}`
          break
        case 'content-type':
          contentType = value
          break
        case 'content-disposition':
          isOptional = /;\s*handling\s*=\s*optional/i.test(value)
          break
        case 'content-encoding':
          isEncoded ||= value.toLowerCase() !== 'identity'
          break
        default:
      }
    }
    if (unsupported !== '') return refused(420, 'Bad Extension', { Unsupported: unsupported })
    if (request.body === '' || isOptional) return null
    if (isEncoded) return refused(415, 'Unsupported Media Type', { 'Accept-Encoding': 'identity' })
    if (request.method !== 'INVITE' || contentType === '') return null
    const type = mediaTypeOf(contentType)
    if (!this.#bodies.has(type)) return this.#unreadable()
    return type === MIXED ? this.#partsRefusal(contentType, request.body) : null
  }

  /** RFC 5621 §3.1: something must be understood, and whatever insists on it. */
  #partsRefusal(contentType: string, body: string): Refused | null {
    const parts = partsOf(contentType, body)
    if (typeof parts === 'string') return refused(400, parts, {})
    let isAnyRead = false
    for (const part of parts) {
      const isRead = part.isPlain && part.type !== MIXED && this.#bodies.has(part.type)
      if (!isRead && part.isRequired) return this.#unreadable()
      isAnyRead ||= isRead
    }
    return isAnyRead ? null : this.#unreadable()
  }

  #unreadable(): Refused {
    return refused(415, 'Unsupported Media Type', { Accept: [...this.#bodies].join(', ') })
  }
}

function refused(status: number, reason: string, headers: Record<string, string>): Refused {
  return { status, reason, headers }
}
