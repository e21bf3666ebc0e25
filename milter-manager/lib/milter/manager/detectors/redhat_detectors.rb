# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # Milters that upstart starts.
      class UpstartDetector < Detector
        def initialize(system, script)
          super
          @job = UpstartJob.new(@root, script)
        end

        private

        def found? = @job.found?

        def description = @job.description

        def enabled?
          !spec.nil? && @job.started? && !(application?("clamav-milter") && clamav.example?)
        end

        def start_command = ["/sbin/start", [@script]]

        def find_spec
          return usable(clamav.spec) if application?("clamav-milter")

          usable(greylist.spec) if greylist?
        end

        def clamav_file = file_option(@job.exec, "-c") || "/etc/clamav-milter.conf"

        def greylist_file = file_option(@job.exec, "-f") || "/etc/mail/greylist.conf"
      end

      # Milters that a script in /etc/init.d of Red Hat starts.
      class RedhatInitDetector < Detector
        VARIABLES = %w[SOCKET SOCKET_ADDRESS MILTER_SOCKET CONNECTION_SPEC].freeze

        def initialize(system, script)
          super
          @file = "/etc/init.d/#{script}"
          lines = @root.lines(@file)
          @chkconfig = ChkconfigInfo.new(lines)
          @info = InitInfo.new(lines)
          @variables = ShellVariables.new(ShellVariables::ANY_CASE, "name" => script)
          @variables.add(@root.joined_lines(@file))
          sysconfig_files.each { |file| @variables.add(@root.joined_lines(file)) }
        end

        private

        def found? = @root.file?(@file)

        # The usual one, and one of another name that the script mentions.
        def sysconfig_files
          ["/etc/sysconfig/#{@script}", *@chkconfig["config"].to_s.split.grep(%r{\A/etc/sysconfig/})].uniq
        end

        def description
          @chkconfig["description"] || @info["Description"] || @info["Short-Description"]
        end

        def enabled?
          !spec.nil? && @root.glob("etc/rc[0-6].d/[SK][0-9][0-9]#{@script}").any? &&
            !(clamav? && clamav.example?)
        end

        def start_command = [@file, ["start"]]

        def find_spec
          application_spec || usable(@variables.fact(*VARIABLES)) ||
            option(@variables.fact("OPTIONS"), "-p") || (usable(greylist.spec) if greylist?)
        end

        def application_spec
          return usable(clamav.spec) if clamav?

          case @script
          when "enma" then usable(EnmaConf.new(@root, file_of("CONF_FILE", "/etc/enma.conf")).spec)
          when "opendkim" then usable(OpenDKIMConf.new(@root, file_of("CONFIG", "/etc/opendkim.conf")).spec)
          when "opendmarc" then usable(opendmarc_spec)
          when "rspamd" then usable(@system.rspamd.spec)
          end
        end

        def opendmarc_spec
          file = file_option(@variables.fact("OPTIONS"), "-c")
          OpenDKIMConf.new(@root, file || file_of("CONFIG", "/etc/opendmarc.conf")).spec
        end

        def file_of(variable, default) = @variables.fact(variable)&.text || default

        # One that says its address itself is older than its configuration file.
        def clamav? = application?("clamav-milter") && @variables.fact("SOCKET_ADDRESS").nil?

        def clamav_file
          file_option(@variables.fact("CLAMAV_FLAGS"), "--config-file", "-c") || "/etc/clamav-milter.conf"
        end

        def greylist_file
          file_option(@variables.fact("OPTIONS"), "-f") || "/etc/mail/greylist.conf"
        end
      end
    end
  end
end
