# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # Milters that a script in /etc/init.d of Debian starts.
      class DebianInitDetector < Detector
        CLAMAV = "/etc/clamav/clamav-milter.conf"
        VARIABLES = %w[SOCKET SOCKFILE CONNECTION_SPEC].freeze
        FLAGS = %w[OPTARGS DAEMON_ARGS PARAMS].freeze

        def initialize(system, script)
          super
          @file = "/etc/init.d/#{script}"
          lines = @root.joined_lines(@file)
          @info = InitInfo.new(@root.lines(@file))
          @variables = ShellVariables.new(ShellVariables::UPPER_CASE, "name" => script)
          @variables.add(lines).add(@root.joined_lines("/etc/default/#{script}"))
        end

        private

        def found? = @root.file?(@file)

        # NAME of the script when it is a word.
        def name
          [@variables["NAME"], @info["Provides"]].find { |name| name&.match?(/\A[\w.+-]+\z/n) } || @script
        end

        def description = @info["Description"] || @variables["DESC"]

        def enabled?
          @variables["ENABLED"] != "0" && !switched_off? && !(clamav? && clamav.example?)
        end

        # update-rc.d SCRIPT disable: it is only stopped at every run level.
        def switched_off?
          links = @root.glob("etc/rc[2345].d/[SK][0-9][0-9]#{@script}")
          links.any? && links.none? { |link| File.basename(link).start_with?("S") }
        end

        def start_command = [@file, ["start"]]

        def find_spec
          application_spec || usable(@variables.fact(*VARIABLES)) ||
            FLAGS.filter_map { |flags| option(@variables.fact(flags), "-p") }.first
        end

        def application_spec
          return usable(clamav.spec) if clamav?

          case @script
          when "opendkim" then usable(OpenDKIMConf.new(@root, "/etc/opendkim.conf").spec)
          when "opendmarc" then usable(OpenDKIMConf.new(@root, "/etc/opendmarc.conf").spec)
          when "pyspf-milter" then usable(PySPFConf.new(@root, "/etc/pyspf-milter/pyspf-milter.conf").spec)
          when "rspamd" then usable(@system.rspamd.spec)
          end
        end

        # clamav-milter 0.95 and later: it has a configuration file of its own.
        def clamav?
          application?("clamav-milter") &&
            (own_clamav_file? || !@variables.fact("CLAMAVMILTERCONF").nil?)
        end

        def own_clamav_file? = @variables["CLAMAVCONF"].to_s.include?("clamav-milter")

        def clamav_file
          return @variables["CLAMAVCONF"] if own_clamav_file?

          @variables.fact("CLAMAVMILTERCONF")&.text || CLAMAV
        end

        def greylist_file
          file = FLAGS.filter_map { |flags| file_option(@variables.fact(flags), "-f") }.first
          file || "/etc/milter-greylist/greylist.conf"
        end
      end
    end
  end
end
