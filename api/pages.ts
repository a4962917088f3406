import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Express, Request, Response } from 'express'
import swaggerFolder from 'swagger-ui-dist/absolute-path.js'
import { jssipExpression } from './jssip-script.ts'
import type { Kit } from './kit.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

/** The console loads nothing but its own files and pictures it has just read from the API, and no script or style stands in its HTML. */
const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
/** Swagger UI sets styles from its script and draws its icons from data: URLs. */
const SWAGGER_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/** The softphone also connects to SIP, wherever that listens. */
function phoneCsp({ sipUrl, wsPort, wssPort }: Kit['settings']['webrtc']): string {
  const byPort = [...(wssPort === null ? [] : [`wss://*:${wssPort}`]), ...(wsPort === null ? [] : [`ws://*:${wsPort}`])]
  const sip = sipUrl === null ? byPort : [new URL(sipUrl).origin]
  return CONSOLE_CSP.replace("connect-src 'self'", ["connect-src 'self'", ...sip].join(' '))
}

const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']
const SWAGGER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dependable Call Exchange: API</title>
<link rel="stylesheet" href="/swagger/swagger-ui.css">
<link rel="icon" href="/swagger/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
`
const SWAGGER_START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, persistAuthorization: true })
`

interface Page {
  readonly type: string
  readonly content: Buffer
  readonly etag: string
  readonly csp: string
  /** Other sites' pages may load it: the click-to-call button, and what that imports. */
  readonly isShared?: boolean
}

/** Everything served that is not a resource: the console at `/`, Swagger UI at `/swagger`, `/openapi.json`, `/metrics`. */
export function addPages(app: Express, kit: Kit, openapi: () => object): void {
  const pages = new Map<string, Page>([
    ...consolePages(),
    ...phonePages(phoneCsp(kit.settings.webrtc)),
    ['/swagger', page('.html', SWAGGER_PAGE, SWAGGER_CSP)],
    ['/swagger/start.js', page('.js', SWAGGER_START, SWAGGER_CSP)],
  ])
  for (const [path, found] of pages) app.get(path, (request, response) => sendPage(request, response, found))

  // JsSIP is half a megabyte, of use to phones only: put together when the first one asks.
  let jssip: Page | null = null
  app.get('/console/phone/jssip.js', (request, response) => {
    jssip ??= { ...page('.js', `export const JsSIP = ${jssipExpression()}\n`, CONSOLE_CSP), isShared: true }
    sendPage(request, response, jssip)
  })

  // Swagger UI is 1.5 MB that a gateway never serves: read when somebody looks.
  const folder = swaggerFolder()
  const swagger = new Map<string, Page>()
  for (const file of SWAGGER_FILES) {
    app.get(`/swagger/${file}`, (request, response) => {
      const found = swagger.get(file) ?? page(extname(file), readFileSync(join(folder, file)), SWAGGER_CSP)
      swagger.set(file, found)
      sendPage(request, response, found)
    })
  }

  let description: string | null = null
  app.get('/openapi.json', (_request, response) => {
    description ??= JSON.stringify(openapi())
    response.type('application/json').send(description)
  })
  app.get('/metrics', async (_request, response) => {
    const { contentType, body } = await kit.renderMetrics()
    response.set('content-type', contentType).set('cache-control', 'no-store').end(body)
  })
}

function consolePages(): [string, Page][] {
  const folder = join(import.meta.dirname, 'console')
  const files = readdirSync(folder).filter((file) => extname(file) in TYPES)
  return files.map((file) => [
    file === 'index.html' ? '/' : `/console/${file}`,
    page(extname(file), readFileSync(join(folder, file)), CONSOLE_CSP),
  ])
}

function phonePages(csp: string): [string, Page][] {
  const folder = join(import.meta.dirname, 'console', 'phone')
  return readdirSync(folder).map((file) => {
    const found = page(extname(file), readFileSync(join(folder, file)), csp)
    return file === 'index.html'
      ? ['/phone', found]
      : [`/console/phone/${file}`, { ...found, isShared: extname(file) === '.js' }]
  })
}

function page(extension: string, content: string | Buffer, csp: string): Page {
  const bytes = Buffer.from(content)
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return { type: TYPES[extension]!, content: bytes, etag, csp }
}

function sendPage(request: Request, response: Response, { type, content, etag, csp, isShared }: Page): void {
  if (isShared) response.set({ 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' })
  response.set({ 'content-security-policy': csp, 'cache-control': 'no-cache', etag })
  if (request.headers['if-none-match'] === etag) response.status(304).end()
  else response.set('content-type', type).end(content)
}
