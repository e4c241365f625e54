import '../lib/theme.ts'

import { mount } from '../ui/mount.tsx'
import '../style/demo.css'
import { Demo } from './Demo.tsx'

mount(<Demo />)
