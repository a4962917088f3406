import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { evaluateClean, evaluatePatterns, type Trial } from '../../compliance/fraud/evaluation/evaluate.ts'
import { curveOf, figuresOf, type Figures } from '../../compliance/fraud/evaluation/figures.ts'
import type { Judgement } from '../../compliance/fraud/evaluation/judge.ts'
import { asRunning } from '../../compliance/fraud/evaluation/as-running.ts'
import { modelAlone } from '../../compliance/fraud/evaluation/model-alone.ts'
import { drawRoc, type RocPanel } from '../../compliance/fraud/evaluation/roc-drawing.ts'
import { ROW_HEAD, trainingRows } from '../../compliance/fraud/evaluation/training-set.ts'
import { FEATURE_NAMES } from '../../compliance/fraud/features/feature-names.ts'
import { readModelFile } from '../../compliance/fraud/model/model-file.ts'
import { readFraudRules } from '../../compliance/fraud/rules/fraud-rules.ts'
import { PATTERNS } from '../../compliance/fraud/simulator/pattern.ts'
import { TrafficSimulator } from '../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../config/reference-data.ts'

type Print = (line: string) => void

/** What the model is trained on, and what its thresholds are set on: other seeds. */
const TRAINING = { training: { firstSeed: 1, scenarios: 108 }, validation: { firstSeed: 5001, scenarios: 36 } }
/** Where the page says what was measured. */
const PAGE = 'fraud.md'
const [BEGIN, END] = ['<!-- evaluation: written by `dce fraud evaluate` -->', '<!-- end of evaluation -->']

/** `dce fraud simulate`: the rows config/reference/build/fraud_model.py trains on, as files of float32 and what they are. */
export function simulateCommand(folder: string, print: Print): void {
  mkdirSync(folder, { recursive: true })
  const places = loadPlaces()
  for (const [name, plan] of Object.entries(TRAINING)) {
    const file = openSync(join(folder, `${name}.f32`), 'w')
    let rows = 0
    for (const row of trainingRows(places, plan)) {
      writeSync(file, new Uint8Array(row.buffer))
      rows++
    }
    closeSync(file)
    const scenarios = `seeds ${plan.firstSeed} to ${plan.firstSeed + plan.scenarios - 1}`
    const head = { names: FEATURE_NAMES, patterns: PATTERNS, head: ROW_HEAD, scenarios, rows }
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(head))
    print(`${name}: ${rows} calls of ${plan.scenarios} scenarios`)
  }
}

export interface EvaluationPlan {
  /** Of each pattern. */
  readonly scenarios: number
  readonly cleanCalls: number
  /** Without the rules. */
  readonly isModelAlone: boolean
  /** The folder whose page is written; null: none. */
  readonly docs: string | null
}

/**
 * `dce fraud evaluate`: what is found of each pattern in scenarios nobody has seen, and what of clean traffic is not let through. Throws at once,
 * and not after the minutes it takes, when the page cannot be written.
 */
export function evaluateCommand({ scenarios, cleanCalls, isModelAlone, docs }: EvaluationPlan, print: Print): void {
  if (docs !== null) checkPage(docs)
  const thresholds = { flag: 0.3, review: 0.6, block: 0.8 }
  const newDetector = isModelAlone
    ? modelAlone(readModelFile())
    : asRunning(readModelFile(), readFraudRules(null), thresholds)
  const trial: Trial = { simulator: new TrafficSimulator(loadPlaces()), newDetector, thresholds }
  const lines = [ROW_TITLES, ROW_TITLES.replaceAll(/[^|]+/g, ' --- ')]
  const panels: RocPanel[] = []
  for (const line of lines) print(line)
  for (const { pattern, judgement } of evaluatePatterns(trial, scenarios)) {
    const figures = figuresOf(judgement)
    const line = rowOf(pattern, figures)
    lines.push(line)
    print(line)
    panels.push({ title: pattern, curve: curveOf(judgement), at: { x: figures.falsePositives, y: figures.recall } })
  }
  const clean = cleanSentence(evaluateClean(trial, cleanCalls))
  print(clean)
  if (docs === null) return
  const command = `dce fraud evaluate ${isModelAlone ? '--model-alone ' : ''}--scenarios ${scenarios} --clean ${cleanCalls} --docs docs`
  writeFileSync(join(docs, 'fraud-roc.svg'), drawRoc(panels, `${scenarios} unseen attacks each; the dot is flag`))
  writeEvaluation(join(docs, PAGE), [`\`${command}\`:`, '', ...lines, '', clean])
}

const ROW_TITLES =
  '| pattern | calls | recall | of an attack: mean | lowest | false positives | precision | found | first flag after: median | at worst | AUC |'

function rowOf(pattern: string, figures: Figures): string {
  const { attackCalls, recall, meanRecall, worstRecall, falsePositives, precision, missed, attacks, auc } = figures
  const { medianSeconds, medianCalls, worstSeconds } = figures
  return `| ${[
    `\`${pattern}\``,
    attackCalls,
    ...[recall, meanRecall, worstRecall].map((share) => share.toFixed(3)),
    `${(100 * falsePositives).toFixed(2)} %`,
    precision.toFixed(3),
    `${attacks - missed} of ${attacks}`,
    `${medianSeconds.toFixed(0)} s, ${medianCalls} calls`,
    `${worstSeconds.toFixed(0)} s`,
    auc.toFixed(4),
  ].join(' | ')} |`
}

function cleanSentence({ cleanCalls, falsely }: Judgement): string {
  const { flagged, reviewed, blocked } = falsely
  return `Of ${cleanCalls} clean calls ${flagged} were flagged (${((100 * flagged) / cleanCalls).toFixed(2)} %), ${reviewed} of them to be reviewed and ${blocked} blocked.`
}

/** Throws when the folder has no page for the figures, or it cannot be written. */
function checkPage(docs: string): void {
  const path = join(docs, PAGE)
  try {
    for (const each of [docs, path]) accessSync(each, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw new RangeError(`${path} cannot be written: ${(error as Error).message}`, { cause: error })
  }
  placeOn(path, readFileSync(path, 'utf8'))
}

/** Puts the figures between the marks of the page, which has to have them. */
function writeEvaluation(path: string, lines: readonly string[]): void {
  const page = readFileSync(path, 'utf8')
  const [from, to] = placeOn(path, page)
  writeFileSync(path, `${page.slice(0, from)}\n\n${lines.join('\n')}\n\n${page.slice(to)}`)
}

function placeOn(path: string, page: string): [number, number] {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new RangeError(`${path} has no place for the figures: ${BEGIN} … ${END}`)
  return [from + BEGIN.length, to]
}
