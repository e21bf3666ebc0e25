# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # What the BSDs have in common.
      class RcDetector < Detector
        def initialize(system, script)
          super
          @rc = RcScript.new(@root, "#{directory}/#{script}", script)
        end

        private

        def found? = @rc.found?

        def description = nil

        def start_command = [@rc.file, ["start"]]

        def find_spec
          usable(application_spec) || usable(@rc.fact("socket")) || usable(@rc.fact("sockfile")) ||
            usable(@rc.fact("connection_spec")) || option(@rc.fact("flags"), "-p") ||
            option(@rc.whole("command_args"), "-p") || (usable(greylist.spec) if greylist?)
        end

        # The value of an option of the daemon.
        def started_with(*names)
          file_option(@rc.fact("flags"), *names) || file_option(@rc.whole("command_args"), *names)
        end
      end

      # Ports of FreeBSD.
      class FreebsdDetector < RcDetector
        SPECS = {
          "clamav-milter" => :clamav_spec,
          "milter-enma" => :enma_spec,
          "milter-opendkim" => :opendkim_spec,
          "opendmarc" => :opendmarc_spec,
          "rspamd" => :rspamd_spec
        }.freeze
        ETC = "/usr/local/etc"

        # One for each profile of opendkim, if it has any.
        def milters
          profiles = found? && application?("milter-opendkim") ? @rc.text("profiles").to_s.split : []
          return super if profiles.empty?

          profiles.map { |profile| of_profile(profile) }
        end

        private

        def directory = "#{ETC}/rc.d"

        def enabled?
          @rc.yes?(@rc.fact("enable")) && !(application?("clamav-milter") && clamav.example?)
        end

        def application_spec = SPECS[@script]&.then { |application| send(application) }

        def clamav_spec = clamav.spec

        def clamav_file
          @rc.text("conf_file") || started_with("-c", "--config-file") || "#{ETC}/clamav-milter.conf"
        end

        def enma_spec = EnmaConf.new(@root, file("enma.conf", "-c")).spec

        def opendkim_spec = OpenDKIMConf.new(@root, file("opendkim.conf", "-C", "-x")).spec

        def opendmarc_spec = OpenDKIMConf.new(@root, file("mail/opendmarc.conf", "-c")).spec

        def rspamd_spec = @system.rspamd.spec

        def greylist_file = @rc.text("cfgfile") || started_with("-f") || "#{ETC}/mail/greylist.conf"

        def file(default, *options) = @rc.text("cfgfile") || started_with(*options) || "#{ETC}/#{default}"

        def of_profile(profile)
          command, options = start_command
          Found.new(name: "#{@script}-#{profile}", description: description, command: command,
                    options: [*options, profile], spec: spec_of_profile(profile), tarpit: 0,
                    enabled: @rc.yes?(of(profile, "enable") || @rc.fact("enable")))
        end

        def spec_of_profile(profile)
          file = of(profile, "cfgfile")
          in_file = usable(OpenDKIMConf.new(@root, file.text).spec) if file
          in_file || usable(of(profile, "socket")) || option(of(profile, "flags"), "-p") ||
            usable(@rc.fact("socket"))
        end

        def of(profile, name) = @rc.whole("#{@rc.name}_#{profile}_#{name}")
      end

      # pkgsrc; package.options: prefix, rcddir.
      class PkgsrcDetector < RcDetector
        private

        def prefix = @system.options["prefix"] || "/usr/pkg/etc"

        def directory = @system.options["rcddir"] || "#{prefix}/rc.d"

        def enabled? = @rc.yes?(@rc.whole(@rc.rcvar))

        def application_spec
          EnmaConf.new(@root, started_with("-c") || "#{prefix}/enma.conf").spec if application?("enma")
        end

        def greylist_file = started_with("-f") || "#{prefix}/greylist.conf"
      end
    end
  end
end
