import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort, waitUntilBound } from '../../sipp/free-port.ts'
import { makeCertificate } from './certificates.ts'

const MODULES = ['/usr/lib/x86_64-linux-gnu/kamailio/modules', '/usr/lib/aarch64-linux-gnu/kamailio/modules'].find(
  (folder) => existsSync(join(folder, 'tls.so')),
)
const START_LIMIT_MS = 30_000

export type InnerTransport = 'udp' | 'tcp' | 'tls'

export interface KamailioOptions {
  /** Its address, on both of its sides. */
  readonly host: string
  /** How it speaks with the exchange; with carriers and buyers it speaks UDP. */
  readonly inner: InnerTransport
  readonly exchange: { readonly host: string; readonly port: number }
  /** Where the buyers behind it are. */
  readonly buyers: string
}

/** A request as the proxy saw it. `how`: the first of its dialog, along the route set, or inside a dialog and on no route. */
export interface SeenRequest {
  readonly method: string
  readonly from: string
  readonly how: 'new' | 'routed' | 'lost' | 'hop'
}

/** Whether Kamailio and its TLS module are on this machine (Debian: apt-get install kamailio-tls-modules). */
export function kamailioIsInstalled(): boolean {
  return MODULES !== undefined && spawnSync('kamailio', ['-v'], { stdio: 'ignore' }).error === undefined
}

/**
 * A stateful, record-routing proxy between the exchange and the rest of the world: what carriers send to `outside` it passes to
 * the exchange, once that has answered its OPTIONS, and `sip:buyer-PORT@…` to that port of the buyers.
 */
export class Kamailio {
  readonly host: string
  /** Where carriers find it. */
  readonly outside: number
  /** Where the exchange finds it. */
  readonly inside: number
  readonly inner: InnerTransport
  readonly #child: ChildProcess
  readonly #folder: string
  #heardUntil = 0
  /** All it said. */
  said = ''

  private constructor(options: KamailioOptions, ports: readonly [number, number], child: ChildProcess, folder: string) {
    this.host = options.host
    this.inner = options.inner
    ;[this.outside, this.inside] = ports
    this.#child = child
    this.#folder = folder
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (bytes: Buffer) => (this.said += String(bytes)))
  }

  static async start(options: KamailioOptions): Promise<Kamailio> {
    const folder = mkdtempSync(join(tmpdir(), 'dce-kamailio-'))
    const ports = [await findFreePort(options.host), await findFreePort(options.host)] as const
    const { cert, key } = await makeCertificate([options.host])
    await writeFile(join(folder, 'cert.pem'), cert)
    await writeFile(join(folder, 'key.pem'), key)
    const { host, port } = options.exchange
    await writeFile(join(folder, 'exchanges'), `1 sip:${host}:${port};transport=${options.inner} ${INACTIVE_PROBING}\n`)
    await writeFile(join(folder, 'kamailio.cfg'), configuration(options, ports, folder))
    const args = ['-f', join(folder, 'kamailio.cfg'), '-DD', '-E', '-m', '32', '-M', '4', '-Y', folder]
    const child = spawn('kamailio', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const proxy = new Kamailio(options, ports, child, folder)
    const ended = once(child, 'exit').then(() => false)
    if (!(await Promise.race([waitUntilBound('udp', options.host, ports[0], START_LIMIT_MS), ended]))) {
      await proxy.close()
      throw new Error(`Kamailio did not listen:\n${proxy.said}`)
    }
    return proxy
  }

  /** Whether the exchange has answered its OPTIONS. */
  get hasExchange(): boolean {
    return this.said.includes('the exchange is up')
  }

  /** The requests it saw so far. */
  get seen(): readonly SeenRequest[] {
    return [...this.said.slice(this.#heardUntil).matchAll(/seen (new|routed|lost|hop) (\w+) from ([\d.]+)/g)].map(
      ([, how, method, from]) => ({
        method: method!,
        from: from!,
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The expression above admits no other.
        how: how as SeenRequest['how'],
      }),
    )
  }

  /** From here on `seen` is about what comes next. */
  forget(): void {
    this.#heardUntil = this.said.length
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(timer)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The dispatcher's flags of a destination that is not used before it has answered. */
const INACTIVE_PROBING = 9

function configuration(
  { host, inner, buyers }: KamailioOptions,
  [outside, inside]: readonly [number, number],
  folder: string,
): string {
  const tls = inner === 'tls'
  return `
debug=1
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
dns=no
mpath="${MODULES}/"
${tls ? 'enable_tls=yes' : ''}
listen=udp:${host}:${outside}
listen=${inner}:${host}:${inside}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "dispatcher.so"
${tls ? 'loadmodule "tls.so"' : ''}
${tls ? `modparam("tls", "tls_method", "TLSv1.2+")\nmodparam("tls", "certificate", "${folder}/cert.pem")\nmodparam("tls", "private_key", "${folder}/key.pem")` : ''}
modparam("rr", "enable_double_rr", 1)
modparam("dispatcher", "list_file", "${folder}/exchanges")
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_ping_from", "sip:proxy@${host}")
modparam("dispatcher", "ds_probing_mode", 1)
modparam("dispatcher", "ds_default_socket", "${inner}:${host}:${inside}")
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) {
    xlog("L_NOTICE", "seen hop $rm from $si\\n");
    if (t_check_trans()) t_relay();
    exit;
  }
  if (has_totag()) {
    if (loose_route()) { xlog("L_NOTICE", "seen routed $rm from $si\\n"); t_relay(); exit; }
    if (is_method("ACK") && t_check_trans()) { xlog("L_NOTICE", "seen hop $rm from $si\\n"); t_relay(); exit; }
    xlog("L_NOTICE", "seen lost $rm from $si\\n");
    if (!is_method("ACK")) sl_send_reply("404", "No route");
    exit;
  }
  if (t_check_trans()) exit;
  xlog("L_NOTICE", "seen new $rm from $si\\n");
  if ($rU =~ "^buyer-") {
    $ru = "sip:sales@${buyers}:" + $(rU{s.select,1,-});
    $fs = "udp:${host}:${outside}";
  } else {
    if (!ds_select_dst("1", "4")) {
      append_to_reply("Retry-After: 1\\r\\n");
      sl_send_reply("503", "No exchange");
      exit;
    }
    $fs = "${inner}:${host}:${inside}";
  }
  record_route();
  if (!t_relay()) sl_reply_error();
}
event_route[dispatcher:dst-up] { xlog("L_NOTICE", "the exchange is up\\n"); }
`
}
