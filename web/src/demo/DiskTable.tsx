import { bytes, bytesPerSecond, percent, text } from '../lib/format.ts'
import { useStore } from '../lib/store.ts'
import { Meter } from '../ui/Meter.tsx'
import { Panel } from '../ui/Panel.tsx'
import type { HostModel } from './hostModel.ts'

export function DiskTable({ host }: { host: HostModel }) {
  const { disks } = useStore(host.latest)
  return (
    <Panel title="Disks">
      <div className="panel__body scroll" tabIndex={0} role="region" aria-label="Table of disks">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" className="disks__full">
                Full
              </th>
              <th scope="col" className="number">
                Used
              </th>
              <th scope="col" className="number">
                Size
              </th>
              <th scope="col" className="number">
                Read
              </th>
              <th scope="col" className="number">
                Written
              </th>
            </tr>
          </thead>
          <tbody>
            {disks.map((disk, place) => {
              const share = disk.total_bytes > 0 ? disk.used_bytes / disk.total_bytes : undefined
              return (
                // Two mounts may bear one name.
                <tr key={`${place} ${disk.name}`}>
                  <td className="mono">{disk.name}</td>
                  <td className="disks__full">
                    <span className="disks__share">
                      <Meter share={share ?? 0} />
                      {text(percent(share))}
                    </span>
                  </td>
                  <td className="number">{text(bytes(disk.used_bytes))}</td>
                  <td className="number">{text(bytes(disk.total_bytes))}</td>
                  <td className="number">{text(bytesPerSecond(disk.read_bytes_per_second))}</td>
                  <td className="number">{text(bytesPerSecond(disk.written_bytes_per_second))}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
        {disks.length === 0 && <p className="empty">The host told of no disks.</p>}
      </div>
    </Panel>
  )
}
