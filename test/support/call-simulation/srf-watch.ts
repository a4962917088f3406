import { createRequire } from 'node:module'

interface Pending {
  readonly pendingRequests: ReadonlyMap<string, unknown>
  readonly pendingSipRequests: ReadonlyMap<string, unknown>
  readonly pendingNetworkInvites: ReadonlyMap<string, unknown>
  readonly pendingAckOrPrack: ReadonlyMap<string, unknown>
}

interface Hooked {
  addDialog(dialog: object): unknown
  removeDialog(dialog: object): unknown
  _initServer(socket: object): Pending
  _onClose(socket: object): unknown
}

const require = createRequire(import.meta.url)
const srf = (require('drachtio-srf') as { prototype: Hooked }).prototype
const agent = (require('drachtio-srf/lib/drachtio-agent') as { prototype: Hooked }).prototype

/** Looks into drachtio-srf: the dialogs it keeps, and whatever it waits for. */
export class SrfWatch {
  readonly #dialogs = new Set<object>()
  readonly #connections = new Map<object, Pending>()
  readonly #restore: (() => void)[] = []

  constructor() {
    this.#hook(srf, 'addDialog', (_result, dialog) => this.#dialogs.add(dialog))
    this.#hook(srf, 'removeDialog', (_result, dialog) => this.#dialogs.delete(dialog))
    this.#hook(agent, '_initServer', (pending, socket) => this.#connections.set(socket, pending as Pending))
    this.#hook(agent, '_onClose', (_result, socket) => this.#connections.delete(socket))
  }

  #hook(prototype: Hooked, name: keyof Hooked, seen: (result: unknown, argument: object) => void): void {
    const original = prototype[name]
    prototype[name] = function (this: unknown, argument: object): never {
      const result = Reflect.apply(original, this, [argument]) as never
      seen(result, argument)
      return result
    }
    this.#restore.push(() => {
      prototype[name] = original as never
    })
  }

  /** What is left in it. */
  leftovers(): string[] {
    const left = this.#dialogs.size > 0 ? [`${this.#dialogs.size} dialogs are left in drachtio-srf`] : []
    for (const pending of this.#connections.values())
      for (const name of [
        'pendingRequests',
        'pendingSipRequests',
        'pendingNetworkInvites',
        'pendingAckOrPrack',
      ] as const)
        if (pending[name].size > 0) left.push(`${pending[name].size} ${name} are left in drachtio-srf`)
    return left
  }

  close(): void {
    for (const restore of this.#restore) restore()
  }
}
