import type uPlot from 'uplot'

import type { Mark } from '../hostModel.ts'
import { colour } from './colours.ts'

const CUT_STRIP = 3
const LABEL_ROOM = 5

/** Draws gaps as bands with what was missed, and times without a link as a strip on the time axis. */
export function drawMarks(plot: uPlot, marks: Iterable<Mark>): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  const right = bbox.left + bbox.width
  let labelled = -Infinity
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  for (const mark of marks) {
    const from = Math.max(bbox.left, plot.valToPos(mark.from / 1000, 'x', true))
    const to = mark.to === undefined ? right : Math.min(right, plot.valToPos(mark.to / 1000, 'x', true))
    if (to <= bbox.left || from >= right) continue
    const width = Math.max(to - from, 2 * ratio)
    if (mark.kind === 'cut') {
      ctx.fillStyle = colour('--chart-cut')
      ctx.fillRect(from, bbox.top + bbox.height - CUT_STRIP * ratio, width, CUT_STRIP * ratio)
      continue
    }
    ctx.fillStyle = colour('--chart-gap')
    ctx.fillRect(from, bbox.top, width, bbox.height)
    ctx.strokeStyle = colour('--chart-gap-edge')
    ctx.lineWidth = ratio
    ctx.setLineDash([3 * ratio, 3 * ratio])
    ctx.beginPath()
    for (const x of [from, from + width]) {
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
    }
    ctx.stroke()
    labelled = drawLabel(plot, mark.label, from, labelled)
  }
  ctx.restore()
}

/** Writes a label unless it would run into the one before; gives where the last one ends. */
function drawLabel(plot: uPlot, label: string, from: number, labelled: number): number {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.font = `600 ${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`
  const width = ctx.measureText(label).width
  const x = Math.min(from + LABEL_ROOM * ratio, bbox.left + bbox.width - width - LABEL_ROOM * ratio)
  if (x < labelled) return labelled
  ctx.fillStyle = colour('--surface')
  ctx.fillRect(x - 3 * ratio, bbox.top + (LABEL_ROOM - 3) * ratio, width + 6 * ratio, 17 * ratio)
  ctx.fillStyle = colour('--chart-gap-edge')
  ctx.textAlign = 'left'
  ctx.textBaseline = 'top'
  ctx.fillText(label, x, bbox.top + LABEL_ROOM * ratio)
  return x + width + LABEL_ROOM * ratio
}
