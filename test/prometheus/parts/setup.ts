// Before the tests with real parts: today's releases are fetched if they aren't there yet.

import { fetchPackages } from '../../helpers/debian.ts'

/** Debian's packages that hold the current release of releases.ts, and VictoriaMetrics. */
export const currentPackages = ['prometheus', 'promtool', 'prometheus-alertmanager', 'victoria-metrics']

export default () => fetchPackages(currentPackages)
