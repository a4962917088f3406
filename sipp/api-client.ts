/** An answer of the API that was not a success. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** A thing the API answers with: its id, and whatever else the resource has. */
export type ApiThing = { readonly id: string } & Readonly<Record<string, unknown>>

/** How long one request may take. */
const REQUEST_LIMIT_MS = 15_000

/** The REST API as its users see it: JSON over HTTP and a bearer token. */
export class ApiClient {
  readonly #http: { readonly host: string; readonly port: number }
  readonly #base: string
  #token: string | null = null

  constructor(http: { host: string; port: number }) {
    this.#http = http
    this.#base = `http://${http.host}:${http.port}`
  }

  async login(email: string, password: string): Promise<void> {
    const session = await this.request<{ access_token: string }>('POST', '/api/v1/auth/login', { email, password })
    this.#token = session.access_token
  }

  /** The same API as somebody else: by an access token or an API key. */
  as(token: string): ApiClient {
    const other = new ApiClient(this.#http)
    other.#token = token
    return other
  }

  /** Sends a request and reads the JSON answer. Throws ApiFailure on anything but 2xx. */
  async request<T = ApiThing>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.raw(method, path, body)
    const text = await answer.text()
    const read: unknown = text === '' ? {} : readJson(text)
    if (!answer.ok) throw new ApiFailure(`${method} ${path}: ${answer.status} ${text}`, answer.status)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What the API promises is the API's to check.
    return read as T
  }

  /** Sends a request and hands back the answer as it is. */
  raw(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = {}
    if (this.#token !== null) headers['authorization'] = `Bearer ${this.#token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    return fetch(`${this.#base}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  create<T = ApiThing>(resource: string, body: unknown): Promise<T> {
    return this.request<T>('POST', `/api/v1/${resource}`, body)
  }

  /** All things of a list, page after page. */
  async listAll<T = ApiThing>(path: string): Promise<T[]> {
    const all: T[] = []
    let cursor: string | null = null
    do {
      const query: string = `${path.includes('?') ? '&' : '?'}limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`
      const page: { data: T[]; next_cursor: string | null } = await this.request('GET', `/api/v1/${path}${query}`)
      all.push(...page.data)
      cursor = page.next_cursor
    } while (cursor !== null)
    return all
  }

  /** The page of `/metrics`. */
  async metrics(): Promise<string> {
    return (await this.raw('GET', '/metrics')).text()
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { text }
  }
}
