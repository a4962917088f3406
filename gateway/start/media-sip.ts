import { EventEmitter } from 'node:events'
import type { EngineDialog, EngineSip } from '../../media/needs.ts'
import { releaseRequests } from '../in-dialog/held-requests.ts'
import { reinvite, type Signaling } from '../srf.ts'
import type { SipDialog } from '../srf/srf-types.ts'

const NO_PROGRESS = { cbRequest: () => undefined, cbProvisional: () => undefined }

/** SIP for media engines, over the connection that calls go over. The engines start before it does. */
export function mediaSip(signaling: () => Pick<Signaling, 'createUAC'>): EngineSip {
  return {
    async invite(uri, { headers, localSdp }) {
      const dialog = await signaling().createUAC(uri, { headers, localSdp }, NO_PROGRESS)
      releaseRequests(dialog)
      return new MediaDialog(dialog)
    },
  }
}

class MediaDialog extends EventEmitter<{ destroy: [] }> implements EngineDialog {
  readonly #dialog: SipDialog

  constructor(dialog: SipDialog) {
    super()
    this.#dialog = dialog
    dialog.once('destroy', () => this.emit('destroy'))
  }

  modify(sdp: string): Promise<string> {
    return reinvite(this.#dialog, sdp)
  }

  destroy(): Promise<unknown> {
    return this.#dialog.destroy()
  }
}
