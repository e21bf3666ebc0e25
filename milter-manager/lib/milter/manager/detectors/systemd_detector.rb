# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # Milters that systemd starts.  A subclass says where the packages of its
      # distribution put configuration files.
      class SystemdDetector < Detector
        UNITS = %w[/lib/systemd/system /usr/lib/systemd/system].freeze

        SPECS = {
          "clamav-milter" => :clamav_spec,
          "milter-greylist" => :greylist_spec,
          "opendkim" => :opendkim_spec,
          "opendmarc" => :opendmarc_spec,
          "pyspf-milter" => :pyspf_spec,
          "rspamd" => :rspamd_spec
        }.freeze

        def initialize(system, script)
          super
          @unit = SystemdUnit.new(@root, UNITS, script)
        end

        private

        def found? = @unit.found?

        def enabled?
          !spec.nil? && @unit.wanted? && !(application?("clamav-milter") && clamav.example?)
        end

        def description = @unit.description

        def start_command = @system.start_command(@script)

        def find_spec
          application = SPECS[@script]
          (application && usable(send(application))) ||
            usable(@unit.variables.fact("SOCKET")) || option(@unit.exec_start, "-p")
        end

        def clamav_spec = clamav.spec

        def clamav_file = file_option(@unit.exec_start, "-c", "--config-file") || self.class::CLAMAV

        def greylist_spec = option(@unit.exec_start, "-p") || greylist.spec

        def greylist_file = file_option(@unit.exec_start, "-f") || self.class::GREYLIST

        # What stands on the command line counts more than the file.
        def opendkim_spec
          file = file_option(@unit.exec_start, "-x") || file_option(options_variable, "-x")
          option(@unit.exec_start, "-p") || OpenDKIMConf.new(@root, file || "/etc/opendkim.conf").spec
        end

        def opendmarc_spec
          file = file_option(@unit.exec_start, "-c") || file_option(options_variable, "-c")
          option(@unit.exec_start, "-p") || OpenDKIMConf.new(@root, file || "/etc/opendmarc.conf").spec
        end

        # The file is the only argument.
        def pyspf_spec
          words = Flags.words_of(@unit.exec_start&.text.to_s)
          file = words.drop(1).reverse.find { |word| word.start_with?("/") && word.end_with?(".conf") }
          option(@unit.exec_start, "-p") ||
            PySPFConf.new(@root, file || "/etc/pyspf-milter/pyspf-milter.conf").spec
        end

        def rspamd_spec = @system.rspamd.spec

        def options_variable = @unit.variables.fact("OPTIONS")
      end

      # Debian, Ubuntu
      class DebianSystemdDetector < SystemdDetector
        CLAMAV = "/etc/clamav/clamav-milter.conf"
        GREYLIST = "/etc/milter-greylist/greylist.conf"
      end

      # Red Hat, Fedora and their relatives
      class RedhatSystemdDetector < SystemdDetector
        CLAMAV = "/etc/mail/clamav-milter.conf"
        GREYLIST = "/etc/mail/greylist.conf"
      end
    end
  end
end
