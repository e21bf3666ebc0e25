# frozen_string_literal: true

# Finds the milters that are installed (configuration section 11).  Loaded when
# the first configuration asks for it.

require "milter/manager/detectors/root"
require "milter/manager/detectors/flags"
require "milter/manager/detectors/shell_variables"
require "milter/manager/detectors/comment_blocks"
require "milter/manager/detectors/systemd_unit"
require "milter/manager/detectors/upstart_job"
require "milter/manager/detectors/rc_script"
require "milter/manager/detectors/settings"
require "milter/manager/detectors/program"
require "milter/manager/detectors/rspamd_configuration"
require "milter/manager/detectors/detector"
require "milter/manager/detectors/systemd_detector"
require "milter/manager/detectors/debian_init_detector"
require "milter/manager/detectors/redhat_detectors"
require "milter/manager/detectors/rc_detectors"
require "milter/manager/detectors/search"
