import { AbsentApplication } from './absent-application.ts'
import type { Application } from './application.ts'
import type { Core } from './core.ts'
import type { HangUp } from './hang-up.ts'
import { SipMessage } from './message.ts'
import type { ClientTransaction, Dialog } from './state.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { UacAnswers } from './uac-answers.ts'
import type { UasAnswers } from './uas-answers.ts'
import { serialize } from './wire-format.ts'

/** A dialog whose application may be back: it has been asked, and this waits for what it says. */
class Question implements TimerOwner {
  readonly dialog: Dialog
  readonly app: Application
  timer: TimerEntry | null = null
  readonly #onSilence: () => void

  constructor(dialog: Dialog, app: Application, onSilence: () => void) {
    this.dialog = dialog
    this.app = app
    this.#onSilence = onSilence
  }

  onTimer(): void {
    this.#onSilence()
  }
}

/**
 * Applications that lost their connection, and the calls they left behind. Calls that are up stay up for `applicationGraceMs`;
 * an application with the same tags that connects meanwhile is asked, dialog by dialog, with a request of the server's own,
 * whether it knows it: any answer but 404 and 481, or none, makes the dialog its own. So a process that only lost its connection goes
 * on as if nothing had been, one that was started anew (drachtio-srf answers 404) gets no calls it knows nothing of, and two
 * that share their tags each get theirs. What nobody wants in time is ended with BYE.
 */
export class Absences {
  readonly #core: Core
  readonly #hangUp: HangUp
  readonly #uasAnswers: UasAnswers
  readonly #uacAnswers: UacAnswers
  readonly #absent = new Set<AbsentApplication>()
  readonly #questions = new Map<string, Question>()

  constructor(core: Core, hangUp: HangUp, uasAnswers: UasAnswers, uacAnswers: UacAnswers) {
    this.#core = core
    this.#hangUp = hangUp
    this.#uasAnswers = uasAnswers
    this.#uacAnswers = uacAnswers
  }

  /** Its connection is gone: what it had begun and not finished fails, and its calls wait for it. */
  leave(app: Application): void {
    const { dialogs, transactions, limits, wheel } = this.#core
    const absent = new AbsentApplication(this.#core, app.identity, this.#uasAnswers, () => this.#expire(absent))
    // The BYE may have been lost with the connection.
    for (const transaction of transactions.servers()) {
      const { request, dialog } = transaction
      if (transaction.owner !== app || transaction.method !== 'BYE' || request === null || dialog === null) continue
      absent.tellEnd(dialog.id, request, transaction.source)
      this.#uasAnswers.answer(transaction, 200)
    }
    // First, so that an INVITE of an early dialog is refused for what it is, and not as one whose dialog has ended.
    this.#uasAnswers.onApplicationClosed(app)
    for (const dialog of dialogs.ownedBy(app)) {
      const invite = dialog.unackedInvite
      if (dialog.state === 'early') dialogs.remove(dialog)
      else if (invite === null || this.#finishInvite(dialog, invite)) {
        dialog.owner = absent
        absent.dialogs.add(dialog)
      }
    }
    this.#uacAnswers.onApplicationClosed(app)
    if (!absent.isMissed()) return
    this.#absent.add(absent)
    if (limits.applicationGraceMs === 0) this.#expire(absent)
    else absent.graceTimer = wheel.arm(limits.applicationGraceMs, absent, 'grace')
  }

  /** The application saw a 2xx and cannot ACK it any more. False when that call is over: it never was one to the application. */
  #finishInvite(dialog: Dialog, invite: ClientTransaction): boolean {
    this.#hangUp.acknowledge(dialog, invite.cseq, invite)
    dialog.unackedInvite = null
    if (invite.isInDialog) return true
    this.#hangUp.end(dialog, 'Application gone')
    return false
  }

  /** An application has connected: is it one of those we wait for? */
  arrive(app: Application): void {
    for (const absent of this.#absent) {
      if (absent.identity !== app.identity) continue
      absent.tellEnds(app)
      for (const dialog of absent.dialogs) if (dialog.state !== 'terminated') this.#ask(dialog, app)
    }
  }

  /** drachtio-srf answers a PUBLISH in a dialog it has with 200 by itself, and 404 where it has none. */
  #ask(dialog: Dialog, app: Application): void {
    const { chance, wheel, limits } = this.#core
    const transactionId = chance.uuid()
    const question = new Question(dialog, app, () => this.#conclude(transactionId, true))
    this.#questions.set(transactionId, question)
    question.timer = wheel.arm(limits.reclaimMs, question, 'silence')
    app.show({
      source: 'network',
      peer: dialog.peer,
      protocol: dialog.peer.transport.name,
      transactionId,
      dialogId: dialog.id,
      receivedOn: null,
      message: questionAbout(dialog),
      afterFlush: -1,
    })
  }

  /** An answer of the application: is it one to a question of ours? */
  takeAnswer(app: Application, frameId: string, transactionId: string, answer: SipMessage): boolean {
    if (this.#questions.size === 0) return false
    const question = this.#questions.get(transactionId)
    if (question === undefined || question.app !== app) return false
    app.echo(frameId, {
      isRequest: false,
      protocol: '',
      host: question.dialog.peer.host,
      port: question.dialog.peer.port,
      transactionId,
      dialogId: question.dialog.id,
      text: serialize(answer),
    })
    // Any other refusal (405, say) comes from somebody who knows what he refuses.
    if (answer.status >= 200) this.#conclude(transactionId, answer.status !== 404 && answer.status !== 481)
    return true
  }

  #conclude(transactionId: string, isKnown: boolean): void {
    const question = this.#questions.get(transactionId)
    if (question === undefined) return
    this.#questions.delete(transactionId)
    question.timer?.cancel()
    if (isKnown) this.#adopt(question.dialog, question.app)
  }

  /** An application that sends a request in a dialog knows it. */
  claim(app: Application, dialogId: string): void {
    if (this.#absent.size === 0) return
    const dialog = this.#core.dialogs.find(dialogId)
    if (dialog?.owner instanceof AbsentApplication && dialog.owner.identity === app.identity) this.#adopt(dialog, app)
  }

  #adopt(dialog: Dialog, app: Application): void {
    const absent = dialog.owner
    if (!(absent instanceof AbsentApplication) || dialog.state === 'terminated' || !app.isOpen) return
    dialog.owner = app
    absent.release(dialog, app)
    if (!absent.isMissed()) this.#forget(absent)
  }

  #expire(absent: AbsentApplication): void {
    this.#forget(absent)
    absent.refuseAll()
    for (const dialog of absent.dialogs) {
      if (dialog.method === 'INVITE') this.#hangUp.end(dialog, 'Application gone')
      else this.#core.dialogs.remove(dialog)
    }
  }

  #forget(absent: AbsentApplication): void {
    absent.graceTimer?.cancel()
    this.#absent.delete(absent)
  }
}

/** A request nobody sent: as if the peer had, inside the dialog. */
function questionAbout(dialog: Dialog): SipMessage {
  const message = new SipMessage('PUBLISH', 'sip:placeholder', 0, '')
  message.add('Via', `SIP/2.0/UDP localhost;branch=z9hG4bK-reclaim`)
  message.add('From', dialog.remoteValue)
  message.add('To', dialog.localValue)
  message.add('Call-ID', dialog.callId)
  message.add('CSeq', '1 PUBLISH')
  message.add('Event', 'dialog')
  message.add('Max-Forwards', '0')
  return message
}
