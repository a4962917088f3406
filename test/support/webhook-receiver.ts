import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A real HTTP server that keeps what webhooks send it, and answers as the test says. */
export class WebhookReceiver {
  readonly received: Received[] = []
  answer: (response: ServerResponse, message: Received) => void = (response) => response.writeHead(204).end()
  readonly #server: Server
  readonly #waiting: { count: number; resolve: () => void }[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const message = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() }
        this.received.push(message)
        this.answer(response, message)
        for (const each of this.#waiting) if (this.received.length >= each.count) each.resolve()
      })
    })
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new WebhookReceiver(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  /** Resolves when so many messages have come in all. */
  async until(count: number, limitMs = 30_000): Promise<void> {
    if (this.received.length >= count) return
    await new Promise<void>((resolve, reject) => {
      const error = new Error(`${this.received.length} of ${count} messages came within ${limitMs} ms`)
      const timer = setTimeout(() => reject(error), limitMs)
      this.#waiting.push({
        count,
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
      })
    })
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

/** Whether a message is signed as standardwebhooks.com says, by `whsec_…`. */
export function isSigned({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  const expected = Buffer.from(createHmac('sha256', key).update(signed).digest('base64'))
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .some((each) => {
      const given = Buffer.from(each.slice(3))
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
}
